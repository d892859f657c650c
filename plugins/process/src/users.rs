//! Users in configs. No processes.

use nix::unistd::User;

/// The number of a user that is given by name or by number.
pub fn user(name: &str) -> Option<u32> {
    match User::from_name(name).ok()? {
        Some(user) => Some(user.uid.as_raw()),
        None => name.parse().ok(),
    }
}
