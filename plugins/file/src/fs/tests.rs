//! What happens to values when the place they are written to refuses, fills up, or mends.

use super::*;
use pipeline_plugin_api::testkit::TestHost;
use std::fs;
use tempfile::TempDir;

const SECOND: Nanos = Nanos::from_secs(1);

fn output(host: &TestHost, path: impl Into<PathBuf>, existing: Existing) -> Output {
    Output::new(Place::Path(path.into()), existing, SECOND, &Host::new(host.handle()))
}

fn head(text: &str, only_first: bool) -> Head {
    Head {
        text: text.into(),
        only_first,
    }
}

#[test]
fn a_value_waits_for_the_interval_and_no_longer() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deep/down/out.txt");
    let mut output = output(&TestHost::new(), &path, Existing::Refuse);
    output.begin(head("head\n", false)).unwrap();
    output.push(b"one\n");
    assert_eq!(output.settle(Nanos(5)).unwrap(), Wish::At(SECOND + Nanos(5)));
    assert_eq!(output.settle(SECOND).unwrap(), Wish::At(SECOND + Nanos(5)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "head\n");
    assert_eq!(output.settle(SECOND + Nanos(5)).unwrap(), Wish::Nothing);
    assert_eq!(fs::read_to_string(&path).unwrap(), "head\none\n");
}

#[test]
fn much_that_waits_is_written_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    let mut output = output(&TestHost::new(), &path, Existing::Refuse);
    output.push(&vec![b'x'; CHUNK_BYTES]);
    assert_eq!(output.settle(Nanos(5)).unwrap(), Wish::Nothing);
    assert_eq!(fs::metadata(&path).unwrap().len(), CHUNK_BYTES as u64);
}

#[test]
fn a_file_that_holds_something_is_kept_unless_told_otherwise() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    for (existing, after) in [
        (Existing::Refuse, "old\n"),
        (Existing::Append, "old\nhead\nnew\n"),
        (Existing::Overwrite, "head\nnew\n"),
    ] {
        fs::write(&path, "old\n").unwrap();
        let mut output = output(&TestHost::new(), &path, existing);
        match output.begin(head("head\n", false)) {
            Ok(()) => {
                output.push(b"new\n");
                output.finish().unwrap();
            }
            Err(failure) => {
                assert_eq!((existing, failure.kind), (Existing::Refuse, FailureKind::FATAL));
                assert!(failure.message.contains("exists already; move it away"), "{failure}");
            }
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), after, "{existing:?}");
    }
}

/// A host for the node of that name.
fn named(name: &str) -> TestHost {
    let host = TestHost::new();
    host.world().node_names = vec![name.to_owned()];
    host
}

fn write_one(output: &mut Output) {
    output.begin(head("head\n", true)).unwrap();
    output.push(b"one\n");
    output.settle(Nanos(0)).unwrap();
    output.settle(SECOND).unwrap();
}

#[test]
fn nodes_made_anew_in_the_same_run_go_on_each_with_its_own_file() {
    let folder = TempDir::new().unwrap();
    let sinks = [
        (named("lines"), folder.path().join("lines.txt"), Existing::Refuse),
        (named("rows"), folder.path().join("rows.txt"), Existing::Overwrite),
    ];
    fs::write(&sinks[1].1, "of an earlier run\n").unwrap();
    for after in ["head\none\n", "head\none\none\n"] {
        let mut lives = Vec::new();
        for (host, path, existing) in &sinks {
            let mut output = output(host, path, *existing);
            write_one(&mut output);
            assert_eq!(fs::read_to_string(path).unwrap(), after, "{existing:?}");
            lives.push(output);
        }
    }
    assert!(sinks.iter().all(|(host, ..)| host.world().stored.is_empty()));
}

#[test]
fn a_file_that_another_node_opened_is_not_this_ones() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    write_one(&mut output(&named("first"), &path, Existing::Refuse));
    let failure = output(&named("second"), &path, Existing::Refuse)
        .begin(head("head\n", true))
        .unwrap_err();
    assert!(failure.message.contains("exists already"), "{failure}");
}

#[test]
fn after_the_run_its_file_is_like_any_other() {
    let (folder, host) = (TempDir::new().unwrap(), named("lines"));
    let path = folder.path().join("out.txt");
    let mut first = output(&host, &path, Existing::Refuse);
    write_one(&mut first);
    first.finish().unwrap();
    let failure = output(&host, &path, Existing::Refuse)
        .begin(head("head\n", true))
        .unwrap_err();
    assert!(failure.message.contains("exists already"), "{failure}");
}

fn pipe_in(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    path
}

#[test]
fn a_pipe_without_a_reader_is_told_and_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let path = pipe_in(&folder);
    let failure = output(&TestHost::new(), &path, Existing::Refuse)
        .begin(head("head\n", false))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::RETRY);
    assert!(
        failure
            .message
            .contains("a pipe that nobody reads: start its reader first"),
        "{failure}"
    );
}

#[test]
fn a_pipe_takes_more_than_it_holds_while_its_reader_reads() {
    let folder = TempDir::new().unwrap();
    let path = pipe_in(&folder);
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let reader = OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap();
    fcntl_setfl(&reader, OFlags::empty()).unwrap();
    let mut output = output(&TestHost::new(), &path, Existing::Overwrite);
    output.begin(head("head\n", false)).unwrap();
    let reads = std::thread::spawn(move || io::read_to_string(reader).unwrap());
    output.push(&vec![b'x'; 1 << 20]);
    output.finish().unwrap();
    drop(output);
    assert_eq!(reads.join().unwrap().len(), (1 << 20) + 5);
}

#[test]
fn a_file_of_somebody_else_stays_refused_however_often_it_is_tried() {
    let (folder, host) = (TempDir::new().unwrap(), TestHost::new());
    let path = folder.path().join("out.txt");
    fs::write(&path, "old\n").unwrap();
    for _ in 0..3 {
        let failure = output(&host, &path, Existing::Refuse)
            .begin(head("head\n", true))
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::FATAL);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
}

#[test]
fn an_empty_file_is_nobodys_work_and_gets_its_head() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    fs::write(&path, "").unwrap();
    output(&TestHost::new(), &path, Existing::Refuse)
        .begin(head("head\n", true))
        .unwrap();
    output(&TestHost::new(), &path, Existing::Append)
        .begin(head("head\n", true))
        .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "head\n", "and only one");
}

#[test]
fn a_full_disk_is_told_and_the_values_wait() {
    let host = TestHost::new();
    let mut output = output(&host, "/dev/full", Existing::Refuse);
    output.push(b"one\n");
    output.settle(Nanos(0)).unwrap();
    let failure = output.settle(SECOND).unwrap_err();
    assert_eq!(failure.kind, FailureKind::RETRY);
    for part in ["`/dev/full` cannot be written", "No space left", "free some space"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    assert_eq!(
        output.status(),
        "`/dev/full` cannot be written; 1 values wait, 0 are lost"
    );
    output.push(b"two\n");
    assert!(
        output.settle(SECOND + Nanos(1)).is_ok(),
        "it is not tried again before the interval is over"
    );
    let again = output.settle(Nanos(2 * SECOND.0)).unwrap_err();
    assert_eq!(
        again.message, failure.message,
        "the same trouble in other words is told again"
    );
    let last = output.finish().unwrap_err();
    assert!(last.message.contains("the run ends, and 2 values are lost"), "{last}");
    assert_eq!(host.world().counts["lost"], 2);
}

#[test]
fn what_waits_is_bounded_and_what_is_lost_is_counted() {
    let host = TestHost::new();
    let mut output = output(&host, "/dev/full", Existing::Refuse);
    let value = vec![b'x'; MOST_WAITING_BYTES / 4];
    for _ in 0..7 {
        output.push(&value);
    }
    assert_eq!(
        (output.spool.values(), output.spool.bytes().len()),
        (4, MOST_WAITING_BYTES)
    );
    assert_eq!(host.world().counts["lost"], 3);
    output.settle(SECOND).unwrap_err();
    assert_eq!(
        output.status(),
        "`/dev/full` cannot be written; 4 values wait, 3 are lost"
    );
}

#[test]
fn a_place_that_mends_gets_what_waited() {
    let (folder, host) = (TempDir::new().unwrap(), TestHost::new());
    let blocker = folder.path().join("blocker");
    fs::write(&blocker, "a file where a folder should be").unwrap();
    let path = blocker.join("out.txt");
    let mut output = output(&host, &path, Existing::Refuse);
    let failure = output.begin(head("head\n", false)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::RETRY);
    assert!(
        failure.message.contains("Not a directory") && failure.message.contains("another `path`"),
        "{failure}"
    );
    output.push(b"one\n");
    output.settle(Nanos(0)).unwrap();
    output.settle(SECOND).unwrap_err();
    fs::remove_file(&blocker).unwrap();
    output.settle(Nanos::from_secs(2)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "head\none\n");
    let logs = host.world().logs.clone();
    assert!(
        logs.len() == 1 && logs[0].1.contains("writes go through again"),
        "{logs:?}"
    );
}

#[test]
fn a_stream_that_nobody_reads_stops_the_node() {
    let broken = io::Error::from(ErrorKind::BrokenPipe);
    let host = Host::new(TestHost::new().handle());
    let stream = Output::new(Place::Stdout, Existing::Refuse, SECOND, &host);
    assert_eq!(stream.failure(&broken).kind, FailureKind::FATAL);
    let file = Output::new(Place::Path("fifo".into()), Existing::Refuse, SECOND, &host);
    assert_eq!(file.failure(&broken).kind, FailureKind::RETRY);
}
