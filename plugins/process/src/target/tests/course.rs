//! When a command runs: windows, restarts, being ready, and what wakes its node.

use super::*;

#[test]
fn each_restart_waits_longer_and_is_a_new_target() {
    let mut running = Running::new(
        "again",
        "(command: \"false\", restart: OnFailure, backoff: \"1s\", restarts: 2)",
    );
    let first = running.tick_until(0, Change::APPEARED);
    running.tick_until(0, Change::GONE);
    assert_eq!(kinds(&running.tick(999)), []);
    let second = running.tick_until(1000, Change::APPEARED);
    running.tick_until(1000, Change::GONE);
    assert_eq!(kinds(&running.tick(2999)), []);
    let third = running.tick_until(3000, Change::APPEARED);
    running.tick_until(3000, Change::GONE);
    assert_eq!(kinds(&running.tick(1_000_000)), []);
    assert_eq!([first.generation, second.generation, third.generation], [1, 2, 3]);
    assert!(first.id < second.id && second.id < third.id);
    assert!(
        first
            .cgroups
            .iter()
            .all(|dir| second.cgroups.iter().all(|other| other.path != dir.path))
    );
    assert!(running.logged(Level::WARN, "stays down after 2 restarts in a row"));
}

#[test]
fn it_runs_in_its_windows_and_not_between() {
    let mut running = Running::new(
        "windows",
        "(command: \"sleep 60\", start: \"10s\", stop: \"20s\", every: \"30s\")",
    );
    assert_eq!(kinds(&running.tick(0)), []);
    assert_eq!(kinds(&running.tick(9_999)), []);
    running.tick_until(10_000, Change::APPEARED);
    running.tick_until(20_000, Change::GONE);
    assert_eq!(kinds(&running.tick(39_999)), []);
    let second = running.tick_until(40_000, Change::APPEARED);
    assert_eq!(second.generation, 2);
    assert_eq!(kinds(&running.finish()), [Change::GONE]);
}

#[test]
fn the_node_asks_to_be_called_when_its_window_begins() {
    let host = TestHost::new();
    let mut node = host
        .node::<Provides<Run>>("(command: \"sleep 60\", start: \"10s\")")
        .unwrap();
    node.start().unwrap();
    let tick = Tick {
        at: Nanos::ZERO,
        missed: 0,
        ready: abi_stable_slice(),
    };
    let mut out = Batch::default();
    assert_eq!(node.raw().tick(&tick, &mut out).into_result(), Ok(Nanos::from_secs(10)));
}

/// No descriptor was ready.
fn abi_stable_slice<'a>() -> pipeline_plugin_api::abi::__abi_stable::std_types::RSlice<'a, i32> {
    Default::default()
}

#[test]
fn its_end_and_its_words_are_descriptors_only_while_it_lives() {
    let mut running = Running::new("descriptors", "(command: \"sleep 60\", stop: \"1s\")");
    running.tick_until(0, Change::APPEARED);
    assert_eq!(running.node.raw().descriptors().len(), 2);
    running.tick_until(1000, Change::GONE);
    assert_eq!(running.node.raw().descriptors().len(), 0);
}

#[test]
fn one_that_opens_a_port_is_told_of_once_it_does() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut running = Running::new("ready", &format!("(command: \"sleep 60\", ready: Port({port}))"));
    assert_eq!(kinds(&running.tick(0)), []);
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(kinds(&running.tick(20)), [Change::APPEARED]);
    running.finish();
    let mut second = Running::new("ready", &format!("(command: \"sleep 60\", ready: Port({port}))"));
    let refusal = second.node.tick(Nanos::ZERO).unwrap_err();
    assert!(
        refusal
            .message
            .contains(&format!("port {port} accepts connections before `sleep` runs")),
        "{refusal}"
    );
    drop(listener);
}

#[test]
fn one_that_never_opens_its_port_is_stopped_as_failed_and_never_told_of() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut running = Running::new(
        "late",
        &format!("(command: \"sleep 60\", ready: Port({port}), ready_timeout: \"1s\")"),
    );
    for millis in [0, 999, 1000, 1001] {
        assert_eq!(kinds(&running.tick(millis)), []);
    }
    assert!(running.logged(Level::WARN, "is not ready in time"));
    assert!(running.logged(Level::WARN, "was stopped, before it was ready"));
    assert_eq!(running.journalled(UndoKind::KILL), []);
}
