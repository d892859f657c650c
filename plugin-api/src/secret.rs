//! Secrets of a config: a graph says where one is, never what it is.
//!
//! A graph file is kept, mailed and recorded, and what is parsed from it is logged and shown; so the config holds the
//! name of an environment variable and nothing else, and its value is read where it is used. Values are not wiped from
//! memory: the environment they come from stays readable in `/proc/PID/environ` for as long as the process lives, for
//! the same users that could read its memory. For the same reason what a plugin starts inherits the variable unless it
//! takes it out.

use crate::abi::Failure;
use crate::fields;
use ron::value::RawValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;
use std::env::VarError;
use std::fmt;

/// What is said instead of a value.
const REFUSED: &str =
    "a secret does not stand in a graph; write `Env(\"NAME\")` and set the variable `NAME` where the pipeline runs";

/// A secret in a config, written `Env("NAME")`: the value of an environment variable of the pipeline.
///
/// ```
/// use pipeline_plugin_api::prelude::*;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
/// #[serde(default, deny_unknown_fields)]
/// struct Config {
///     /// The server's password. None by default.
///     password: Option<Secret>,
/// }
///
/// fn log_in(config: &Config) -> Result<()> {
///     if let Some(password) = &config.password {
///         let password = password.reveal("password")?;
///         send(password.expose());
///     }
///     Ok(())
/// }
/// # fn send(_: &str) {}
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    variable: String,
}

/// The value of a secret, for the few lines that need it. It does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed(String);

impl Secret {
    /// The secret that a variable holds.
    pub fn env(variable: impl Into<String>) -> Self {
        Self {
            variable: variable.into(),
        }
    }

    /// The variable's name.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// Reads the value. `field` is the config's field that holds the secret, for the message.
    ///
    /// # Errors
    /// The variable is not set, is empty, or is no UTF-8; fatal, since only a new start can mend it. The message names
    /// the variable and the field, never the value.
    pub fn reveal(&self, field: &str) -> Result<Revealed, Failure> {
        let why = match std::env::var(&self.variable) {
            Ok(value) if value.is_empty() => "is empty",
            Ok(value) => return Ok(Revealed(value)),
            Err(VarError::NotPresent) => "is not set",
            Err(VarError::NotUnicode(_)) => "is no UTF-8",
        };
        Err(Failure::fatal(format!(
            "the environment variable `{}`, which `{field}` names, {why}; set it where the pipeline runs",
            self.variable
        )))
    }
}

impl Revealed {
    /// The value.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// As it is written in a graph.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Env({:?})", self.variable)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revealed(…)")
    }
}

/// The one way to write it.
#[derive(Serialize, Deserialize)]
enum Written<'a> {
    Env(Cow<'a, str>),
}

impl<'de> Deserialize<'de> for Secret {
    /// Takes the value as text first: whatever stands there is not to be in an error of the parser.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        match fields::parse::<Written<'_>>(text.get_ron()) {
            Ok(Written::Env(name)) if is_name(&name) => Ok(Self::env(name)),
            Ok(_) => Err(D::Error::custom(
                "`Env` takes the name of an environment variable: letters, digits and `_`",
            )),
            Err(_) => Err(D::Error::custom(REFUSED)),
        }
    }
}

/// Narrower than what an environment may hold, so that a value that was put into `Env(…)` by mistake is mostly told.
fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(letter) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::Env(Cow::Borrowed(&self.variable)).serialize(serializer)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "secret".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret, as Env(\"NAME\")" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Configure, parse, sample, schema};

    /// A config to test with.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Config {
        user: String,
        password: Option<Secret>,
        token: Secret,
    }

    impl Default for Config {
        fn default() -> Self {
            Self {
                user: "me".to_owned(),
                password: None,
                token: Secret::env("TOKEN"),
            }
        }
    }

    impl Configure for Config {}

    #[test]
    fn a_variable_is_read_and_written_alike() {
        for text in [
            "(password: Env(\"PASSWORD\"))",
            "(password: Some(Env(\"PASSWORD\")))",
            "(password: /* of the server */ Env( \"PASSWORD\" ) )",
        ] {
            let config: Config = parse(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
            assert_eq!(config.password, Some(Secret::env("PASSWORD")), "{text}");
        }
        let sample = sample::<Config>();
        assert!(sample.contains("token: Env(\"TOKEN\")"), "{sample}");
        assert_eq!(parse::<Config>(&sample).unwrap(), Config::default());
    }

    #[test]
    fn anything_else_is_refused_in_its_place_and_not_repeated() {
        for value in [
            "\"hunter2\"",
            "Some(\"hunter2\")",
            "r#\"hunter2\"#",
            "hunter2",
            "Plain(\"hunter2\")",
            "(\"hunter2\")",
            "[\"hunter2\"]",
            "(value: \"hunter2\")",
            "Env(hunter2)",
            "Env(\"hunter2!\")",
            "Env(\"PASSWORD\", \"hunter2\")",
            "20022",
        ] {
            let text = format!("(\n  user: \"you\",\n  password: {value},\n)");
            let faults = parse::<Config>(&text).unwrap_err();
            let [fault] = faults.as_slice() else {
                panic!("{value}: {faults:?}")
            };
            assert!(
                fault.message.contains("`Env`") || fault.message.contains("`Env(\"NAME\")`"),
                "{value}: {fault:?}"
            );
            assert!(
                !format!("{fault:?}").contains("hunter2") && !fault.message.contains("20022"),
                "{value}: {fault:?}"
            );
            assert_eq!(fault.line, 3, "{value}");
            assert!(fault.column >= 13, "{value}: column {}", fault.column);
        }
    }

    #[test]
    fn nothing_is_no_name() {
        for value in ["Env(\"\")", "Env(\"A=B\")", "Env(\"A B\")", "Env(\"1A\")"] {
            assert!(parse::<Config>(&format!("(token: {value})")).is_err(), "{value}");
        }
    }

    #[test]
    fn what_people_see_is_the_name() {
        let config = Config::default();
        assert!(format!("{config:?}").contains("token: Env(\"TOKEN\")"), "{config:?}");
        assert!(
            schema::<Config>().contains("Env(\\\"NAME\\\")"),
            "{}",
            schema::<Config>()
        );
    }

    #[test]
    fn the_value_is_read_when_it_is_revealed_and_shows_itself_to_nobody() {
        let name = "CARGO_MANIFEST_DIR";
        let value = Secret::env(name).reveal("password").unwrap();
        assert_eq!(value.expose(), env!("CARGO_MANIFEST_DIR"));
        assert_eq!(format!("{value:?}"), "Revealed(…)");
    }

    #[test]
    fn a_variable_that_is_not_there_is_named_with_its_field() {
        let failure = Secret::env("PIPELINE_IS_NOT_SET").reveal("password").unwrap_err();
        let told = "the environment variable `PIPELINE_IS_NOT_SET`, which `password` names, is not set";
        assert!(failure.message.starts_with(told), "{failure}");
    }
}
