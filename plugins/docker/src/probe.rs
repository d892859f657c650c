//! What this machine offers of an engine, and the command that mends what is missing. Asks the engine which it is;
//! changes nothing.

use crate::engine::{Link, Server, Trouble};
use crate::socket;
use pipeline_plugin_api::prelude::*;
use rustix::fs::{Access, FileType, access};
use std::path::Path;
use std::time::Duration;

const SOCKET: &str = "Docker socket";
const RIGHTS: &str = "access to the Docker socket";
const ENGINE: &str = "Docker engine";
const DRIVER: &str = "Docker's cgroup driver";
const INSTALL: &str = "sudo apt install docker.io";
const JOIN: &str = "sudo usermod -aG docker \"$(id -un)\"";
/// Longest that an engine may take here: `pipeline doctor` waits for nobody for long.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an engine says of itself: which it is, and how it makes control groups.
type Said = (Server, Option<String>);

/// For `docker.watch`. What needs something that is missing is not asked for.
pub fn engine() -> Vec<Probe> {
    match socket::meant("") {
        Ok(socket) => of(&socket, Path::new("/"), ask),
        Err(why) => vec![Probe::required(SOCKET, false, &why, "unset DOCKER_HOST")],
    }
}

fn of(socket: &Path, root: &Path, ask: impl FnOnce(&Path) -> std::result::Result<Said, Trouble>) -> Vec<Probe> {
    let mut found = vec![there(socket, root)];
    if found[0].present == 1 {
        let may = access(socket, Access::READ_OK | Access::WRITE_OK).is_ok();
        let seen = if may {
            "may be used by this user"
        } else {
            "may not be used by this user, who is not in its group"
        };
        found.push(Probe::required(RIGHTS, may, seen, JOIN));
        if may {
            found.extend(answers(ask(socket), socket, root));
        }
    }
    found
}

fn there(socket: &Path, root: &Path) -> Probe {
    let kind = rustix::fs::stat(socket).map(|stat| FileType::from_raw_mode(stat.st_mode));
    let at = socket.display();
    match kind {
        Ok(FileType::Socket) => Probe::required(SOCKET, true, &format!("`{at}`"), ""),
        Ok(_) => Probe::required(SOCKET, false, &format!("`{at}` is no socket"), "unset DOCKER_HOST"),
        Err(error) if error == rustix::io::Errno::ACCESS => {
            Probe::required(SOCKET, false, &format!("`{at}` cannot be reached by this user"), JOIN)
        }
        Err(_) => Probe::required(SOCKET, false, &format!("there is no `{at}`"), start(root)),
    }
}

fn answers(said: std::result::Result<Said, Trouble>, socket: &Path, root: &Path) -> Vec<Probe> {
    match said {
        Ok((server, driver)) => {
            let seen = format!(
                "version {}, API {}",
                or_unknown(&server.version),
                or_unknown(&server.api)
            );
            let found = driver.is_some();
            let driver = driver.unwrap_or_else(|| "the engine does not say".to_owned());
            vec![
                Probe::required(ENGINE, true, &seen, ""),
                Probe::optional(DRIVER, found, &driver, "docker info"),
            ]
        }
        Err(trouble) => {
            let mend = match trouble {
                Trouble::NoSocket | Trouble::NobodyListens => start(root),
                Trouble::Forbidden => JOIN,
                _ => "sudo systemctl restart docker",
            };
            vec![Probe::required(ENGINE, false, &trouble.what(socket), mend)]
        }
    }
}

/// How an engine gets to run on this machine.
fn start(root: &Path) -> &'static str {
    let is_there = |path: &str| root.join(path).exists();
    let is_installed = ["usr/bin/dockerd", "usr/sbin/dockerd", "usr/local/bin/dockerd"]
        .into_iter()
        .any(is_there);
    match (is_installed, is_there("run/systemd/system")) {
        (false, _) => INSTALL,
        (true, true) => "sudo systemctl start docker",
        (true, false) => "sudo dockerd",
    }
}

fn ask(socket: &Path) -> std::result::Result<Said, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::Nonsense(error.to_string()))?;
    runtime.block_on(async {
        let answer = async {
            let (link, server) = Link::open(socket).await?;
            Ok((server, link.cgroup_driver().await.unwrap_or_default()))
        };
        tokio::time::timeout(PATIENCE, answer)
            .await
            .unwrap_or(Err(Trouble::Silent))
    })
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn summary(found: &[Probe]) -> Vec<(&str, u32, &str)> {
        found
            .iter()
            .map(|probe| (probe.what.as_str(), probe.present, probe.mend.as_str()))
            .collect()
    }

    fn never(_: &Path) -> std::result::Result<Said, Trouble> {
        panic!("nobody is to be asked");
    }

    #[test]
    fn without_a_socket_the_mend_is_what_this_machine_lacks() {
        let root = tempfile::tempdir().unwrap();
        let socket = root.path().join("docker.sock");
        let mend = |root: &Path| of(&socket, root, never)[0].mend.to_string();
        assert_eq!(mend(root.path()), INSTALL);
        std::fs::create_dir_all(root.path().join("usr/sbin")).unwrap();
        std::fs::write(root.path().join("usr/sbin/dockerd"), "").unwrap();
        assert_eq!(mend(root.path()), "sudo dockerd");
        std::fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        assert_eq!(mend(root.path()), "sudo systemctl start docker");
        std::fs::write(&socket, "").unwrap();
        assert!(of(&socket, root.path(), never)[0].detail.contains("is no socket"));
    }

    #[test]
    fn an_engine_says_which_it_is_and_how_it_makes_groups() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        let server = Server {
            version: "20.10.24".into(),
            api: "1.41".into(),
        };
        let found = of(&socket, folder.path(), |_| {
            Ok((server.clone(), Some("systemd, version 2".into())))
        });
        assert_eq!(
            summary(&found),
            [(SOCKET, 1, ""), (RIGHTS, 1, ""), (ENGINE, 1, ""), (DRIVER, 1, "")]
        );
        assert_eq!(found[2].detail, "version 20.10.24, API 1.41");
        let silent = of(&socket, folder.path(), |_| Ok((server, None)));
        assert_eq!((silent[3].present, silent[3].required), (0, 0));
        let refused = of(&socket, folder.path(), |_| Err(Trouble::NobodyListens));
        assert_eq!(summary(&refused)[2..], [(ENGINE, 0, INSTALL)]);
    }

    #[test]
    fn what_is_missing_says_how_to_mend_it_and_what_is_there_does_not() {
        let found = engine();
        assert!(!found.is_empty());
        assert!(
            found.iter().all(|probe| (probe.present == 1) == probe.mend.is_empty()),
            "{found:#?}"
        );
    }
}
