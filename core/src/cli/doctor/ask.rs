//! Asking plugins, each in a process of its own: this binary, started again. One that crashes, hangs or spoils its
//! process is a line of the report and not the end of it.

use super::Answer;
use super::answer;
use crossbeam_channel::{Receiver, bounded};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// How long a plugin may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long its pipes may stay open after it, as by a process that it left behind.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// Most that is read of what it says.
const LONGEST: u64 = 1 << 20;

/// Asks all of them at once; answers come in the same order.
pub fn all(files: &[&Path]) -> Vec<Answer> {
    thread::scope(|scope| {
        let asked: Vec<_> = files.iter().map(|file| scope.spawn(|| one(file, PATIENCE))).collect();
        let answers = asked.into_iter().map(|asked| asked.join().unwrap_or_default());
        answers.collect()
    })
}

fn one(file: &Path, patience: Duration) -> Answer {
    // By this way it is the same program even where its file was replaced meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command.arg("ask-plugin").arg(file);
    converse(&mut command, patience).unwrap_or_else(|error| Answer {
        broke: Some(format!("no process can be started to ask it: {error}")),
        ..Answer::default()
    })
}

fn converse(command: &mut Command, patience: Duration) -> io::Result<Answer> {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (said, complained) = (kept(child.stdout.take()), kept(child.stderr.take()));
    let in_time = ends(&child).recv_timeout(patience).is_ok();
    let status = put_away(&mut child)?;
    let said = said.recv_timeout(AFTERWARDS).unwrap_or_default();
    let complained = complained.recv_timeout(AFTERWARDS).unwrap_or_default();
    Ok(Answer {
        probed: answer::read(&said),
        broke: if in_time {
            why(status, &complained)
        } else {
            Some(format!("it did not answer within {patience:?} and was ended"))
        },
    })
}

/// Says when a child has ended. It is not reaped, so that its id stays its own until [`put_away`].
fn ends(child: &Child) -> Receiver<()> {
    let (tell, told) = bounded(1);
    let pid = Pid::from_child(child);
    thread::spawn(move || {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // An error is the end of a child too: it is then not there to be waited for.
        let _ = retry_on_intr(|| waitid(WaitId::Pid(pid), ended));
        // Nobody may be left to hear it.
        let _ = tell.send(());
    });
    told
}

/// Ends what is left of a child's group, and reaps it.
fn put_away(child: &mut Child) -> io::Result<ExitStatus> {
    // It fails where there is nothing left to end, which is what is wanted.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    child.wait()
}

/// The text of a pipe, once it ends or is too long.
fn kept(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (tell, told) = bounded(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What came before an error counts; beyond the limit the pipe breaks for who writes.
            let _ = pipe.take(LONGEST).read_to_end(&mut bytes);
        }
        let _ = tell.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    told
}

/// Why a process did not end well, if it did not, with its last words.
fn why(status: ExitStatus, complained: &str) -> Option<String> {
    if status.success() {
        return None;
    }
    let last = complained
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or_default();
    if let Some(sentence) = last.strip_prefix("error: ") {
        return Some(sentence.to_owned());
    }
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal} ended the process that asked it"),
        (None, Some(code)) => format!("it ended the process that asked it, with status {code}"),
        (None, None) => "the process that asked it ended".to_owned(),
    };
    Some(if last.is_empty() { how } else { format!("{how}: {last}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"echo '{"element":"a.b","needs":[]}'"#;

    fn script(text: &str, patience: Duration) -> Answer {
        converse(Command::new("/bin/sh").args(["-c", text]), patience).unwrap()
    }

    #[test]
    fn an_answer_is_taken_whatever_is_said_around_it() {
        let answer = script(&format!("echo hello; {ANSWER}; echo noise >&2"), PATIENCE);
        assert_eq!((answer.probed.len(), answer.broke), (1, None));
    }

    #[test]
    fn one_that_crashes_keeps_what_it_said_and_tells_how() {
        let answer = script(
            &format!("{ANSWER}; echo 'free(): invalid pointer' >&2; kill -ABRT $$"),
            PATIENCE,
        );
        let broke = answer.broke.unwrap();
        assert_eq!(answer.probed.len(), 1);
        assert_eq!(
            broke,
            "signal 6 ended the process that asked it: free(): invalid pointer"
        );
    }

    #[test]
    fn one_that_ends_the_process_is_told() {
        let answer = script("exit 0", PATIENCE);
        assert_eq!((answer.probed.len(), answer.broke), (0, None));
        let answer = script("exit 3", PATIENCE);
        assert_eq!(
            answer.broke.as_deref(),
            Some("it ended the process that asked it, with status 3")
        );
    }

    #[test]
    fn a_sentence_of_our_own_is_handed_on() {
        let answer = script("echo 'error: it is no plugin' >&2; exit 1", PATIENCE);
        assert_eq!(answer.broke.as_deref(), Some("it is no plugin"));
    }

    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_started() {
        let answer = script("sleep 60 & sleep 60", Duration::from_millis(50));
        let broke = answer.broke.unwrap();
        assert!(broke.contains("did not answer within 50ms"), "{broke}");
    }

    #[test]
    fn one_that_floods_is_cut_off() {
        let answer = script("exec cat /dev/zero", PATIENCE);
        assert!(answer.broke.is_some());
    }
}
