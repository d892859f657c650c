//! Lines as `file.jsonl` writes them, cut, and bad.

use super::*;
use crate::trial::Trial;

const RECORD: &str = r#"{"kind":"run","run_id":"x","wall_ns":1,"sources":["judge"],"version":1}
{"kind":"target","at":0,"change":"appeared","name":"web","id":1,"generation":1,"provider":"web","parent":"","class":"Latency","priority":0,"cpus":[0],"goals":[],"labels":{},"cgroups":[],"processes":[]}
{"kind":"reading","at":1000000000,"span":0,"node":"truth","target":"web","metric":"truth.slowdown","part":"","value":1.5,"unit":"1","quality":"exact"}
{"kind":"reading","at":1000000000,"span":0,"node":"truth","target":"web","metric":"truth.cause","part":"batch/l3","value":1.4,"unit":"1","quality":"exact"}
{"kind":"reading","at":1000000000,"span":0,"node":"cpu","target":"web","metric":"cpu.time","part":"","value":null,"unit":"ns","quality":"unavailable","reason":"vanished"}
{"kind":"finding","at":2000000000,"node":"judge","id":4,"phase":"begins","victim":"web","resource":"l3","severity":2.0,"confidence":0.9,"culprits":[{"target":"batch","score":1.0}],"why":"it \"is\" so","evidence":[]}
{"kind":"outcome","at":3000000000,"node":"limit","action":1,"target":"batch","knob":"cpu.quota","fate":"undone","value":null,"reason":"infinite","text":"","unit":"cpus","why":"put back"}
{"kind":"surprise","at":9000000000,"value":"of a later version?"}
"#;

fn gathered(text: &str) -> Result<Trial, BadLine> {
    let mut gatherer = Gatherer::new();
    gather_lines(text, &mut gatherer)?;
    Ok(gatherer.finish().unwrap())
}

#[test]
fn a_record_becomes_a_trial() {
    let record = RECORD.replace("\"of a later version?\"", "1");
    let trial = gathered(&record).unwrap();
    assert_eq!(trial.span.to, Nanos::from_secs(9));
    assert_eq!(trial.class("web"), Class::LATENCY);
    assert_eq!(&*trial.truth["web"][0].causes[0].culprit, "batch");
    assert_eq!(trial.statements[0].culprits, ["batch"]);
    assert_eq!(trial.turns[0].fate, Fate::UNDONE);
    assert!(trial.work.is_empty(), "what is unavailable is no work");
}

#[test]
fn a_line_without_an_end_is_not_there_yet() {
    let cut = &RECORD[..RECORD.find("\"kind\":\"outcome\"").unwrap() + 30];
    let trial = gathered(cut).unwrap();
    assert_eq!((trial.statements.len(), trial.turns.len()), (1, 0));
}

#[test]
fn a_bad_line_is_told_with_its_number() {
    let error = gathered(RECORD).unwrap_err();
    assert!(
        error.to_string().starts_with("line 8 is no line of a record"),
        "{error}"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*\n?") {
        let mut gatherer = Gatherer::new();
        let _ = gather_lines(&text, &mut gatherer);
        let _ = gatherer.finish();
    }
}
