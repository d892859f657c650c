//! The element against servers: a real one, and one that stalls, refuses and hangs up on command.
//!
//! Scenario by scenario, in real time on a machine that others use too: bounds are wide, counts exact.

use super::Redis;
use crate::testing::fake::FakeServer;
use crate::testing::node::Users;
use crate::testing::real::Program;
use pipeline_plugin_api::prelude::*;
use vocabulary::{
    KPI_ERRORS, KPI_LATENCY_BUCKET, KPI_LATENCY_MAX, KPI_LATENCY_MEAN, KPI_LATENCY_P50, KPI_LATENCY_P99, KPI_OFFERED,
    KPI_RATE,
};

type RedisNode = Users<Redis>;

/// A config for a port, with more fields.
fn config(port: u16, more: &str) -> String {
    format!("(address: \"redis://127.0.0.1:{port}\", warm_up: \"0s\", {more})")
}

#[test]
fn a_real_server_answers_what_is_offered() {
    let Some(server) = Program::Redis.start(&[]) else {
        return;
    };
    let mut node = RedisNode::with_target(&config(server.port, "rate: 2000, keys: 500"));
    node.answers_what_is_offered();
    assert_eq!(server.keys(), 500);
    node.stop().unwrap();
    assert_eq!(server.keys(), 0, "the keys are removed");
}

#[test]
fn a_real_server_wants_the_password_and_a_wrong_one_is_an_error() {
    let Some(server) = Program::Redis.start(&["--requirepass", env!("CARGO_PKG_NAME")]) else {
        return;
    };
    let more = "rate: 200, keys: 10, password: Env(\"CARGO_PKG_NAME\")";
    let mut node = RedisNode::with_target(&config(server.port, more));
    node.until_answered();
    let more = "rate: 200, keys: 10, password: Env(\"CARGO_PKG_VERSION\")";
    let mut wrong = RedisNode::with_target(&config(server.port, more));
    let said = wrong.after(300);
    assert!(said.number(&KPI_ERRORS).unwrap() > 30.0);
    assert!(wrong.status().contains("WRONGPASS"), "{}", wrong.status());
}

#[test]
fn a_real_server_takes_a_user_of_its_access_list() {
    let password = concat!(">", env!("CARGO_PKG_NAME"));
    let access = [
        "--user", "me", "on", password, "~*", "+@all", "--user", "default", "off",
    ];
    let Some(server) = Program::Redis.start(&access) else {
        return;
    };
    let more = "rate: 200, keys: 10, user: \"me\", password: Env(\"CARGO_PKG_NAME\")";
    let mut node = RedisNode::with_target(&config(server.port, more));
    node.until_answered();
    node.stop().unwrap();
}

#[test]
fn a_password_that_is_nowhere_is_fatal_before_the_load() {
    let failure = RedisNode::start(&config(1, "password: Env(\"PIPELINE_KPI_NOT_SET\")"))
        .err()
        .unwrap();
    assert!(
        failure.contains("`PIPELINE_KPI_NOT_SET`, which `password` names, is not set"),
        "{failure}"
    );
}

#[test]
fn a_cpu_that_is_not_there_is_fatal_before_the_load() {
    let failure = RedisNode::start(&config(1, "cpu: 100000")).err().unwrap();
    assert!(failure.contains("`cpu: 100000`"), "{failure}");
}

/// The server answers nothing for 300 ms. One request a millisecond is due meanwhile: a client that
/// waits for answers would send one of them and see one slow answer; here 300 see a part of the stall.
#[test]
fn a_stall_is_felt_by_every_request_that_was_due_in_it() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false, histogram: true"));
    node.until_answered();
    node.tick();
    let during = server.stalled(|| node.after(300));
    let after = node.after(200);
    let (offered, answered) = (during.count(&KPI_OFFERED), during.count(&KPI_RATE));
    assert!(
        offered > 250.0 && answered < 50.0,
        "the gap shows: {answered} of {offered}"
    );
    let all = during.count(&KPI_RATE) + after.count(&KPI_RATE);
    let due = during.count(&KPI_OFFERED) + after.count(&KPI_OFFERED);
    assert!((all - due).abs() <= 60.0, "none is lost: {all} of {due}");
    assert!(after.millis(&KPI_LATENCY_MAX) > 280.0);
    assert!(after.millis(&KPI_LATENCY_P99) > 250.0);
    let bucket = node.host.kit().metric(&KPI_LATENCY_BUCKET);
    let slow = after.batch.readings.iter().filter(|reading| {
        let least = reading
            .part
            .bucket_index()
            .map(|index| pipeline_plugin_api::histogram::bounds(index).0);
        reading.metric == bucket && least.is_some_and(|least| least > 100_000_000)
    });
    let slow: f64 = slow.map(|reading| reading.value).sum();
    assert!(
        (100.0..300.0).contains(&slow),
        "{slow} of 1000/s felt more than 100 of 300 ms"
    );
    assert_eq!(
        during.number(&KPI_ERRORS).zip(after.number(&KPI_ERRORS)),
        Some((0.0, 0.0))
    );
}

#[test]
fn without_answers_there_is_no_latency() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false"));
    node.until_answered();
    server.stalled(|| {
        node.after(50);
        let said = node.after(50);
        assert_eq!(said.number(&KPI_RATE), Some(0.0));
        for metric in [KPI_LATENCY_MEAN, KPI_LATENCY_P50, KPI_LATENCY_P99, KPI_LATENCY_MAX] {
            let reading = said.reading(&metric).unwrap();
            assert_eq!((reading.number(), Reason(reading.detail)), (None, Reason::EMPTY));
        }
    });
}

#[test]
fn a_request_that_waits_too_long_is_an_error_and_its_late_answer_is_not_counted() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false, timeout: \"100ms\""));
    node.until_answered();
    node.tick();
    let during = server.stalled(|| node.after(190));
    let after = node.after(200);
    let errors = during.number(&KPI_ERRORS).unwrap();
    assert!(
        (40.0..=150.0).contains(&errors),
        "{errors} waited more than 100 of 190 ms"
    );
    assert!(after.millis(&KPI_LATENCY_MAX) <= 100.0);
    let settled = during.count(&KPI_RATE) + after.count(&KPI_RATE) + errors + after.number(&KPI_ERRORS).unwrap();
    let due = during.count(&KPI_OFFERED) + after.count(&KPI_OFFERED);
    assert!((settled - due).abs() <= 60.0, "each counts once: {settled} of {due}");
}

/// A peer that never answers again, without a word, holds its connection for twice the timeout.
#[test]
fn a_connection_that_is_silent_for_too_long_is_made_anew() {
    let server = FakeServer::start();
    let more = "rate: 100, fill: false, timeout: \"50ms\", connections: 1";
    let mut node = RedisNode::with_target(&config(server.port, more));
    node.until_answered();
    server.stalled(|| {
        node.after(300);
        assert!(node.after(200).number(&KPI_ERRORS).unwrap() > 5.0);
    });
    node.until_answered();
}

#[test]
fn what_is_outstanding_has_a_bound_and_what_is_beyond_is_an_error() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false, outstanding: 40"));
    node.until_answered();
    node.after(20);
    let during = server.stalled(|| {
        let said = node.after(200);
        assert!(node.status().contains(" 40 requests outstanding"), "{}", node.status());
        said
    });
    let after = node.after(100);
    let beyond = during.count(&KPI_OFFERED) - during.count(&KPI_RATE) - during.number(&KPI_ERRORS).unwrap();
    assert!((1.0..=40.0).contains(&beyond), "{beyond} are taken on up to the bound");
    assert!(during.number(&KPI_ERRORS).unwrap() > 100.0, "those beyond are errors");
    assert!(after.count(&KPI_RATE) > 80.0, "the 40 and what came after are answered");
}

#[test]
fn answers_that_are_errors_count_as_errors() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false"));
    node.until_answered();
    server.refuse(true);
    node.after(20);
    let said = node.after(100);
    assert_eq!(said.number(&KPI_RATE), Some(0.0));
    assert!((said.number(&KPI_ERRORS).unwrap() - said.count(&KPI_OFFERED)).abs() <= 40.0);
    server.refuse(false);
    node.until_answered();
}

#[test]
fn while_there_is_no_server_each_request_is_an_error_and_one_warning_is_given() {
    let port = FakeServer::start().port;
    let mut node = RedisNode::with_target(&config(port, "rate: 1000, fill: false"));
    let said = node.after(200);
    assert_eq!(said.number(&KPI_ERRORS), Some(said.count(&KPI_OFFERED)));
    assert!(said.count(&KPI_OFFERED) > 150.0);
    assert_eq!(node.warnings().len(), 1, "{:?}", node.warnings());
    let _server = FakeServer::start_on(port);
    node.until_answered();
    let said = node.after(100);
    assert_eq!((said.number(&KPI_ERRORS), node.warnings().len()), (Some(0.0), 1));
}

#[test]
fn connections_that_the_server_ends_are_made_again() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false"));
    node.until_answered();
    server.hang_up();
    node.after(200);
    let said = node.after(100);
    assert_eq!(said.number(&KPI_ERRORS), Some(0.0));
    assert!(node.status().contains("4 of 4 connections up"), "{}", node.status());
}

#[test]
fn a_server_that_was_restarted_is_filled_again() {
    let Some(server) = Program::Redis.start(&[]) else {
        return;
    };
    let port = server.port;
    let mut node = RedisNode::with_target(&config(port, "rate: 500, keys: 300, sets: 0"));
    node.until_answered();
    drop(server);
    assert!(node.after(100).number(&KPI_ERRORS).unwrap() > 10.0);
    let Some(server) = Program::Redis.start_on(port, &[]) else {
        return;
    };
    node.until_answered();
    assert_eq!(server.keys(), 300);
}

#[test]
fn the_warm_up_is_not_counted() {
    let server = FakeServer::start();
    let more = format!(
        "(address: \"redis://127.0.0.1:{}\", warm_up: \"200ms\", rate: 1000, fill: false)",
        server.port
    );
    let mut node = RedisNode::with_target(&more);
    let said = node.after(100);
    for reading in &said.batch.readings {
        assert_eq!((reading.number(), Reason(reading.detail)), (None, Reason::WARMING_UP));
    }
    assert!(server.answered() > 30, "requests are sent all the same");
    let said = node.after(200);
    let span = said.reading(&KPI_OFFERED).unwrap().span;
    assert!(
        (80..=160).contains(&(span.0 / 1_000_000)),
        "the span begins after the warm-up: {span}"
    );
    assert!((said.number(&KPI_OFFERED).unwrap() - 1000.0).abs() < 300.0);
}

#[test]
fn the_load_begins_with_the_target_and_ends_with_it_and_begins_again() {
    let server = FakeServer::start();
    let mut node = RedisNode::start(&config(server.port, "rate: 1000, fill: false")).unwrap();
    let target = node.new_target("web");
    node.host.pass(50);
    assert!(node.tick().batch.is_empty());
    assert_eq!(server.answered(), 0);
    node.change(Change::APPEARED, &target);
    node.until_answered();
    node.change(Change::GONE, &target);
    node.host.pass(50);
    let before = server.answered();
    assert!(node.after(50).batch.is_empty());
    assert_eq!(server.answered(), before);
    node.change(Change::APPEARED, &target);
    node.until_answered();
}

#[test]
fn a_second_target_is_refused_and_the_first_goes_on() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false"));
    let other = node.new_target("batch");
    node.change(Change::APPEARED, &other);
    let logs = node.host.kit().world().logs.clone();
    assert!(
        logs[0]
            .1
            .contains("measures one server, here `web`; give `batch` a node of its own"),
        "{logs:?}"
    );
    node.change(Change::GONE, &other);
    node.until_answered();
}

#[test]
fn steps_change_the_load_while_it_runs() {
    let server = FakeServer::start();
    let more = "rate: 500, fill: false, steps: [(at: \"300ms\", rate: 2000)]";
    let mut node = RedisNode::with_target(&config(server.port, more));
    node.until_answered();
    let before = node.tick();
    let left = Nanos::from_millis(300) - before.reading(&KPI_OFFERED).unwrap().at;
    node.after(left.0 / 1_000_000 + 1);
    let said = node.after(200);
    assert!(
        (said.number(&KPI_OFFERED).unwrap() - 2000.0).abs() < 300.0,
        "{:?}",
        said.number(&KPI_OFFERED)
    );
}

#[test]
fn the_end_of_the_node_is_the_end_of_the_load() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false"));
    node.until_answered();
    node.stop().unwrap();
    let before = server.answered();
    node.host.pass(50);
    assert_eq!(server.answered(), before);
}

#[test]
fn a_run_that_is_being_stopped_gets_no_numbers_of_its_own_making() {
    let server = FakeServer::start();
    let mut node = RedisNode::with_target(&config(server.port, "rate: 1000, fill: false"));
    node.until_answered();
    server.stalled(|| {
        node.host.pass(50);
        node.host.end();
        while node.status().contains("4 of 4 connections up") {
            std::thread::yield_now();
        }
        assert!(
            node.tick().batch.is_empty(),
            "what was outstanding is no error of the server"
        );
    });
    node.stop().unwrap();
}

#[test]
fn a_socket_in_the_file_system_is_reached_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.sock").display().to_string();
    let Some(_server) = Program::Redis.start(&["--unixsocket", &path]) else {
        return;
    };
    let text = format!("(address: \"unix://{path}\", warm_up: \"0s\", rate: 500, keys: 10)");
    RedisNode::with_target(&text).until_answered();
}
