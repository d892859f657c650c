//! What the three commands say to what they cannot do.

use crate::made;
use system_tests::bed::Bed;

#[test]
fn a_run_that_is_not_there_is_told_with_the_nearest() {
    let bed = Bed::new();
    made::run(&bed.path("runs/yesterday"));
    let said = bed.tool(["compare", "yesterdy", "yesterday"]).with(1);
    assert!(said.stderr.contains("did you mean `yesterday`?"), "{}", said.stderr);
    assert!(bed.tool(["runs"]).with(0).stdout.contains("yesterday"));
}

#[test]
fn a_run_of_a_later_format_is_refused_by_its_number_and_the_others_are_listed() {
    let bed = Bed::new();
    made::run(&bed.path("runs/good"));
    bed.write("runs/later/run.json", r#"{"format": 99}"#);
    bed.write("runs/broken/run.json", "{");
    let said = bed.tool(["runs"]).with(0);
    assert!(said.stdout.contains("good"), "{}", said.stdout);
    assert!(
        said.stderr.contains("format 99") && said.stderr.contains("no page about a run"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_torn_segment_is_told_and_the_rest_is_read() {
    let bed = Bed::new();
    made::run(&bed.path("runs/torn"));
    bed.write("runs/torn/readings/000001.parquet", "PAR1 and then nothing");
    let said = bed.tool(["runs"]).with(0).stdout;
    assert!(
        said.contains("000001.parquet") && said.contains("move it away"),
        "{said}"
    );
    let refused = bed.tool(["replay", "torn"]).with(1).stderr;
    assert!(
        refused.contains("cannot be replayed") && refused.contains("--force"),
        "{refused}"
    );
    assert!(bed.tool(["compare", "torn", "torn"]).with(0).stdout.contains("web"));
}

#[test]
fn what_perf_wrote_is_imported_and_can_be_compared_and_not_replayed() {
    let bed = Bed::new();
    let sample = system_tests::built::repository().join("plugins/record/fixtures/perf-stat.csv");
    let sample = sample.to_str().unwrap();
    bed.tool(["runs", "import", sample, "--format", "perf", "--name", "counted"])
        .with(0);
    let said = bed.tool(["runs"]).with(0).stdout;
    assert!(said.contains("counted") && said.contains("import of"), "{said}");
    assert!(bed.tool(["replay", "counted"]).with(1).stderr.contains("imported"));
    let wrong = bed.tool(["runs", "import", sample, "--format", "pcm"]).with(1).stderr;
    assert!(wrong.contains("is not what `pcm` writes"), "{wrong}");
    assert!(
        bed.tool(["runs", "import", sample, "--format", "prf"])
            .with(1)
            .stderr
            .contains("did you mean `perf`?")
    );
}
