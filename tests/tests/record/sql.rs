//! The questions of the plugin's README, asked of a run as they stand there.

use crate::made;
use std::process::Command;
use system_tests::bed::Bed;
use system_tests::built::repository;
use system_tests::child::Child;
use system_tests::need::{Need, have};

/// Runs a query and prints how many rows there are. The rows themselves would need a package for zones of time.
const ASK: &str = "import duckdb, sys\nprint(duckdb.connect().sql(sys.stdin.read()).shape[0])\n";

fn readme() -> String {
    std::fs::read_to_string(repository().join("plugins/record/README.md")).unwrap()
}

fn questions(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```sql\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn every_question_of_the_readme_is_answered() {
    let readme = readme();
    let questions = questions(&readme);
    assert!(questions.len() >= 10, "{}", questions.len());
    if !have(&[Need::Duckdb]) {
        return;
    }
    let bed = Bed::with("()");
    made::run(&bed.path("made"));
    bed.write("graph.ron", made::GRAPH);
    bed.tool(["replay", "made", "--graph", "graph.ron", "-o", "run"])
        .with(0);
    for question in questions {
        let file = bed.write("question.sql", question);
        let mut command = Command::new("python3");
        command.args([
            "-c",
            &ASK.replace("sys.stdin.read()", &format!("open({file:?}).read()")),
        ]);
        let ended = Child::start(command.current_dir(bed.path("run"))).end(std::time::Duration::from_secs(120));
        assert_eq!(ended.code, Some(0), "{question}\n{}", ended.stderr);
        let rows: u64 = ended.stdout.lines().next().unwrap().parse().unwrap();
        assert!(rows > 0, "nothing is answered to\n{question}");
    }
}

#[test]
fn the_readmes_tables_are_those_of_the_code() {
    let readme = readme();
    for table in pipeline_record_store::schema::TABLES {
        assert!(
            readme.contains(&format!("#### `{}`: {}", table.name, table.doc)),
            "{}",
            table.name
        );
        for column in table.columns {
            let told = readme.lines().any(|line| {
                line.starts_with(&format!("| `{}` |", column.name))
                    && line.contains(column.doc)
                    && line.contains(column.unit)
            });
            assert!(
                told,
                "`{}.{}` is not in the README as it is in the code",
                table.name, column.name
            );
        }
    }
}
