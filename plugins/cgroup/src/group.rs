//! A target's groups as the library crate knows them, and its errors as failures of a call.

use pipeline_cgroup_fs::{Error, Group};
use pipeline_plugin_api::prelude::*;
use std::path::Path;

/// The group of a target; `None` for a target without directories, which runs by its processes alone.
///
/// # Errors
/// A directory is gone or unreadable.
pub fn of(dirs: &[CgroupDir]) -> std::result::Result<Option<Group>, Error> {
    let told = dirs
        .iter()
        .map(|dir| (dir.controller.as_str(), Path::new(dir.path.as_str()), dir.inode));
    match Group::of_directories(told) {
        Ok(group) => Ok(Some(group)),
        Err(Error::NoGroup { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An error with what the system said, as one sentence.
pub fn sentence(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What an error means for a call that was about `target`.
pub fn failure(target: TargetId, error: &Error) -> Failure {
    match error.is_gone() {
        true => Failure::gone(target, error.to_string()),
        false => Failure {
            target,
            ..Failure::retry(sentence(error))
        },
    }
}

/// Why there is no reading, from what kept it from being read.
pub fn reason(error: &Error) -> Reason {
    match error {
        error if error.is_gone() => Reason::VANISHED,
        Error::Withdrawn { .. } | Error::NoController { .. } => Reason::UNSUPPORTED,
        Error::Read { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => Reason::FORBIDDEN,
        Error::Read { source, .. } if source.kind() == std::io::ErrorKind::Unsupported => Reason::UNSUPPORTED,
        _ => Reason::UNKNOWN,
    }
}
