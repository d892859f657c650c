//! Log lines of a run, from the host and from every node: text or JSON, on standard error.
//!
//! A thread writes them, behind a bounded queue: a reader that went away or stands still must not hold up a run. A
//! line that finds no room or cannot be written is dropped and counted, and told with the next that can.

use super::clock::Clock;
use crossbeam_channel::{Sender, TrySendError, bounded};
use pipeline_plugin_api::abi::Level;
use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How lines look.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// `12.345s INFO guard: target=batch knob=cpu.idle a sentence`.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where log lines go. Clones write to the same place.
#[derive(Clone)]
pub struct Logger {
    format: Format,
    least: Level,
    clock: Clock,
    queue: Arc<Queue>,
}

/// Lines that wait to be written. Past it they are dropped and counted.
pub const MOST_LINES: usize = 4096;
/// How long a line waits for room in the queue before it is dropped; after that none waits until one is taken.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long the end waits for a reader.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// What the thread that writes is given.
enum Item {
    Line(String),
    /// All before it is to be written; then it is told so.
    Mark(Sender<()>),
}

type Out = Arc<Mutex<Box<dyn Write + Send>>>;

struct Queue {
    /// None where there was no thread to be had; lines are then written by those who log.
    items: Option<Sender<Item>>,
    out: Out,
    lost: Arc<AtomicU64>,
    stands_still: AtomicBool,
}

impl Queue {
    fn new(out: Box<dyn Write + Send>) -> Self {
        let out: Out = Arc::new(Mutex::new(out));
        let lost = Arc::new(AtomicU64::new(0));
        let (sender, receiver) = bounded(MOST_LINES);
        let writing = {
            let (out, lost) = (out.clone(), lost.clone());
            move || receiver.iter().for_each(|item| carry_out(item, &out, &lost))
        };
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(writing);
        Self {
            items: thread.is_ok().then_some(sender),
            out,
            lost,
            stands_still: AtomicBool::new(false),
        }
    }

    /// Takes a line; `false` if there is no room for it.
    fn take(&self, line: String) -> bool {
        let Some(items) = &self.items else {
            carry_out(Item::Line(line), &self.out, &self.lost);
            return true;
        };
        let taken = match items.try_send(Item::Line(line)) {
            Ok(()) => true,
            Err(TrySendError::Disconnected(_)) => false,
            Err(TrySendError::Full(_)) if self.stands_still.load(Ordering::Relaxed) => false,
            Err(TrySendError::Full(item)) => items.send_timeout(item, PATIENCE).is_ok(),
        };
        self.stands_still.store(!taken, Ordering::Relaxed);
        taken
    }

    fn flush(&self) {
        let Some(items) = &self.items else { return };
        let (sender, written) = bounded(1);
        if items.send_timeout(Item::Mark(sender), LAST_PATIENCE).is_ok() {
            // A reader that stands still loses what it did not read.
            let _ = written.recv_timeout(LAST_PATIENCE);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.flush();
    }
}

/// A line that cannot be written is counted, see the head of this file.
fn carry_out(item: Item, out: &Out, lost: &AtomicU64) {
    match item {
        Item::Line(line) => {
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            if out.write_all(line.as_bytes()).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        // Nobody may wait for it any more.
        Item::Mark(written) => drop(written.send(())),
    }
}

impl Logger {
    /// Lines up to that level, to that writer, which may take its time: a thread of its own waits for it.
    pub fn new(format: Format, least: Level, clock: Clock, out: Box<dyn Write + Send>) -> Self {
        Self {
            format,
            least,
            clock,
            queue: Arc::new(Queue::new(out)),
        }
    }

    /// Whether lines of that level are shown.
    pub fn shows(&self, level: Level) -> bool {
        level <= self.least
    }

    /// Waits a little for all lines to be written.
    pub fn flush(&self) {
        self.queue.flush();
    }

    /// Writes one line: who, the fields, the sentence.
    pub fn log(&self, level: Level, node: &str, message: &str, fields: &[(&str, &dyn Display)]) {
        if !self.shows(level) {
            return;
        }
        let line = match self.format {
            Format::Text => self.text(level, node, message, fields),
            Format::Json => self.json(level, node, message, fields),
        };
        let lost = self.queue.lost.swap(0, Ordering::Relaxed);
        let line = if lost > 0 { self.mention(lost) + &line } else { line };
        if !self.queue.take(line) {
            self.queue.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    /// A line about lines that nobody took.
    fn mention(&self, lost: u64) -> String {
        let lost: &dyn Display = &lost;
        let what = "log lines were lost, for nobody read them";
        match self.format {
            Format::Text => self.text(Level::WARN, "log", what, &[("lost", lost)]),
            Format::Json => self.json(Level::WARN, "log", what, &[("lost", lost)]),
        }
    }

    fn text(&self, level: Level, node: &str, message: &str, fields: &[(&str, &dyn Display)]) -> String {
        let mut line = format!("{:9.3}s {level:5} {node}:", self.clock.now().seconds());
        for (name, value) in fields {
            let _ = write!(line, " {}={}", plain(name), quoted(&plain(&value.to_string())));
        }
        let _ = writeln!(line, " {}", plain(&message.replace('\n', " ")));
        line
    }

    fn json(&self, level: Level, node: &str, message: &str, fields: &[(&str, &dyn Display)]) -> String {
        let mut object = serde_json::Map::new();
        object.insert("at".to_owned(), self.clock.now().0.into());
        object.insert("wall_ns".to_owned(), self.clock.wall().0.into());
        object.insert("level".to_owned(), level.to_string().into());
        object.insert("node".to_owned(), node.into());
        for (name, value) in fields {
            // A plugin names its fields; none is to look like what the host says of the line.
            let name = if object.contains_key(*name) || *name == "message" {
                format!("{name}_")
            } else {
                (*name).to_owned()
            };
            object.insert(name, value.to_string().into());
        }
        object.insert("message".to_owned(), message.into());
        format!("{}\n", serde_json::Value::Object(object))
    }
}

/// What a line shows of a text that may hold anything, such as the title of a process: nothing of it breaks the line or
/// commands the terminal.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

/// A value as it stands in a line: in quotes where its end would not be seen.
fn quoted(value: &str) -> Cow<'_, str> {
    if !value.is_empty() && !value.contains([' ', '"']) {
        return value.into();
    }
    format!("\"{}\"", value.replace('"', "\\\"")).into()
}

impl std::fmt::Debug for Logger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logger")
            .field("format", &self.format)
            .field("least", &self.least)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::abi::Nanos;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line(format: Format, level: Level) -> String {
        let kept = Kept::default();
        let logger = Logger::new(
            format,
            Level::INFO,
            Clock::simulated(Nanos::ZERO),
            Box::new(kept.clone()),
        );
        logger.log(
            level,
            "guard",
            "takes the remedy",
            &[("target", &"batch"), ("value", &"a b")],
        );
        logger.flush();
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// Writes nothing until it is let go.
    struct Stuck(crossbeam_channel::Receiver<()>, Kept);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // An error says that it was let go for good.
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stands_still_holds_nobody_up_and_what_was_lost_is_told() {
        let (let_go, held) = bounded::<()>(0);
        let kept = Kept::default();
        let out = Box::new(Stuck(held, kept.clone()));
        let logger = Logger::new(Format::Text, Level::INFO, Clock::simulated(Nanos::ZERO), out);
        // The thread has one line in hand, the queue has its fill, and the rest is lost.
        let given = MOST_LINES + 101;
        (0..given).for_each(|number| logger.log(Level::INFO, "busy", &format!("line {number}"), &[]));
        let lost = logger.queue.lost.load(Ordering::Relaxed);
        assert!((100..=101).contains(&lost), "{lost} were lost");
        drop(let_go);
        logger.flush();
        logger.log(Level::INFO, "busy", "the last", &[]);
        logger.flush();
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains(&format!("lost={lost} log lines were lost")), "{text}");
        assert_eq!(
            text.lines().count(),
            given - lost as usize + 2,
            "no other line is missing"
        );
        assert!(text.ends_with("the last\n"));
    }

    #[test]
    fn text_has_fields_first_and_then_the_sentence() {
        assert_eq!(
            line(Format::Text, Level::INFO),
            "    0.000s INFO  guard: target=batch value=\"a b\" takes the remedy\n"
        );
    }

    #[test]
    fn what_a_stranger_wrote_neither_breaks_the_line_nor_commands_the_terminal() {
        let kept = Kept::default();
        let logger = Logger::new(
            Format::Text,
            Level::INFO,
            Clock::simulated(Nanos::ZERO),
            Box::new(kept.clone()),
        );
        let fields: [(&str, &dyn Display); 2] = [("a\nb", &"x\u{1b}[2J\r\ny"), ("said", &"\"end\" WARN")];
        logger.log(Level::INFO, "watch", "one\ntwo\u{1b}]0;three\u{9b}", &fields);
        logger.flush();
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "    0.000s INFO  watch: a\\nb=x\\u{1b}[2J\\r\\ny said=\"\\\"end\\\" WARN\" one two\\u{1b}]0;three\\u{9b}\n"
        );
    }

    #[test]
    fn a_field_does_not_stand_for_what_the_host_says() {
        let kept = Kept::default();
        let logger = Logger::new(
            Format::Json,
            Level::INFO,
            Clock::simulated(Nanos::ZERO),
            Box::new(kept.clone()),
        );
        logger.log(Level::INFO, "watch", "so", &[("node", &"run"), ("message", &"no")]);
        logger.flush();
        let value: serde_json::Value = serde_json::from_slice(&kept.0.lock().unwrap()).unwrap();
        assert_eq!((&value["node"], &value["message"]), (&"watch".into(), &"so".into()));
        assert_eq!((&value["node_"], &value["message_"]), (&"run".into(), &"no".into()));
    }

    #[test]
    fn json_is_one_object() {
        let value: serde_json::Value = serde_json::from_str(&line(Format::Json, Level::WARN)).unwrap();
        assert_eq!((&value["node"], &value["value"]), (&"guard".into(), &"a b".into()));
    }

    #[test]
    fn quieter_levels_are_left_out() {
        assert_eq!(line(Format::Text, Level::DEBUG), "");
    }
}
