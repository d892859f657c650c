//! Log lines of a run, from the host and from every node: text or JSON, on standard error.
//!
//! A line that cannot be written is dropped and counted: a reader that went away or stands still must not
//! stop a run.

use super::clock::Clock;
use pipeline_plugin_api::abi::Level;
use std::fmt::{Display, Write as _};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    lost: Arc<AtomicU64>,
}

impl Logger {
    /// Lines up to that level, to that writer.
    pub fn new(format: Format, least: Level, clock: Clock, out: Box<dyn Write + Send>) -> Self {
        Self {
            format,
            least,
            clock,
            out: Arc::new(Mutex::new(out)),
            lost: Arc::default(),
        }
    }

    /// Whether lines of that level are shown.
    pub fn shows(&self, level: Level) -> bool {
        level <= self.least
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
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = self.lost.load(Ordering::Relaxed);
        let line = if lost > 0 { self.mention(lost) + &line } else { line };
        // See the head of this file: a line that cannot be written is counted, and told when one can.
        match out.write_all(line.as_bytes()) {
            Ok(()) => self.lost.fetch_sub(lost, Ordering::Relaxed),
            Err(_) => self.lost.fetch_add(1, Ordering::Relaxed),
        };
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
            let value = value.to_string();
            let quote = if value.is_empty() || value.contains(' ') {
                "\""
            } else {
                ""
            };
            let _ = write!(line, " {name}={quote}{value}{quote}");
        }
        let _ = writeln!(line, " {}", message.replace('\n', " "));
        line
    }

    fn json(&self, level: Level, node: &str, message: &str, fields: &[(&str, &dyn Display)]) -> String {
        let mut object = serde_json::Map::new();
        object.insert("at".to_owned(), self.clock.now().0.into());
        object.insert("wall_ns".to_owned(), self.clock.wall().0.into());
        object.insert("level".to_owned(), level.to_string().into());
        object.insert("node".to_owned(), node.into());
        for (name, value) in fields {
            object.insert((*name).to_owned(), value.to_string().into());
        }
        object.insert("message".to_owned(), message.into());
        format!("{}\n", serde_json::Value::Object(object))
    }
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
        let logger = Logger::new(format, Level::INFO, Clock::simulated(), Box::new(kept.clone()));
        logger.log(
            level,
            "guard",
            "takes the remedy",
            &[("target", &"batch"), ("value", &"a b")],
        );
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_has_fields_first_and_then_the_sentence() {
        assert_eq!(
            line(Format::Text, Level::INFO),
            "    0.000s INFO  guard: target=batch value=\"a b\" takes the remedy\n"
        );
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
