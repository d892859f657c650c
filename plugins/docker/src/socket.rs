//! Where the engine listens: a config's or `DOCKER_HOST`'s text to the path of a unix socket. No I/O but the
//! environment.

use std::path::{Path, PathBuf};

/// Where an engine listens unless it is told otherwise.
pub const USUAL: &str = "/var/run/docker.sock";

/// The socket that is meant: by the config, else by `DOCKER_HOST`, else the usual one.
///
/// # Errors
/// It is no unix socket; a sentence that says so.
pub fn meant(config: &str) -> Result<PathBuf, String> {
    if !config.is_empty() {
        return of(config);
    }
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => of(&host).map_err(|why| format!("`DOCKER_HOST`: {why}")),
        _ => Ok(USUAL.into()),
    }
}

/// The path in `/path` or `unix:///path`.
///
/// # Errors
/// It is another kind of address, or the path is not absolute.
pub fn of(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if path.contains("://") {
        return Err(format!(
            "`{text}` is no unix socket: an engine elsewhere has its containers elsewhere, whose groups and processes \
             are not seen from here; run the pipeline beside it and give `unix:///var/run/docker.sock`"
        ));
    }
    if !Path::new(path).is_absolute() {
        return Err(format!(
            "`{text}` is no absolute path; give `unix:///var/run/docker.sock`"
        ));
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_socket_with_or_without_its_scheme() {
        for text in ["/run/d.sock", "unix:///run/d.sock"] {
            assert_eq!(of(text).unwrap(), Path::new("/run/d.sock"));
        }
        assert_eq!(meant("/run/d.sock").unwrap(), Path::new("/run/d.sock"));
    }

    #[test]
    fn engines_that_are_elsewhere_are_refused_with_a_sentence() {
        for text in [
            "tcp://127.0.0.1:2375",
            "ssh://host",
            "npipe:////./pipe/docker",
            "http://x",
        ] {
            let why = of(text).unwrap_err();
            assert!(why.contains(text) && why.contains("is no unix socket"), "{why}");
        }
        assert!(of("run/d.sock").unwrap_err().contains("no absolute path"));
        assert!(of("unix://").unwrap_err().contains("no absolute path"));
    }
}
