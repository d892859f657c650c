//! Which files are held, by which node and for which target, so that no two of them turn the same knob: the second would
//! find what the first one left, and would put that back in the end.
//!
//! One table for the process, since the nodes of a run know nothing of each other. It says who may turn a knob, not what
//! was found there; ending a claim puts nothing back.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// By file.
static HELD: Mutex<BTreeMap<PathBuf, Entry>> = Mutex::new(BTreeMap::new());
/// Counts the lives of nodes.
static LIVES: AtomicU64 = AtomicU64::new(0);

/// One life of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    run: String,
    node: String,
    life: u64,
}

/// Files that a node holds for a target, until this is dropped.
#[derive(Debug)]
pub struct Claim {
    files: Vec<PathBuf>,
    holder: Holder,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    owner: Owner,
    target: TargetId,
}

struct Entry {
    holder: Holder,
    /// For messages.
    target: String,
    /// How many claims of the same holder there are.
    claims: usize,
}

impl Owner {
    /// A new life of the node that has this host.
    pub fn new(host: &Host) -> Self {
        Self {
            run: host.run_id(),
            node: host.name(),
            life: LIVES.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Claims files for a target, all or none.
    ///
    /// # Errors
    /// One of them is held by another node, or for another target; the failure names it.
    pub fn claim(&self, files: Vec<PathBuf>, target: TargetId, host: &Host) -> Result<Arc<Claim>> {
        let holder = Holder {
            owner: self.clone(),
            target,
        };
        let mut held = table();
        if let Some((file, entry)) = files
            .iter()
            .find_map(|file| Some((file, held.get(file)?)))
            .filter(|(_, entry)| !holder.may_follow(&entry.holder))
        {
            return Err(Failure {
                target,
                ..Failure::retry(refusal(file, entry))
            });
        }
        let name = || {
            host.target(target)
                .map(|target| target.name.to_string())
                .unwrap_or_default()
        };
        for file in &files {
            let entry = held.entry(file.clone()).or_insert_with(|| Entry {
                holder: holder.clone(),
                target: name(),
                claims: 0,
            });
            if entry.holder != holder {
                *entry = Entry {
                    holder: holder.clone(),
                    target: name(),
                    claims: 0,
                };
            }
            entry.claims += 1;
        }
        Ok(Arc::new(Claim { files, holder }))
    }
}

impl Holder {
    /// Whether this one may have what the other holds: it is the same, or a later life of the same node, whose former
    /// life was undone by the host.
    fn may_follow(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.owner, &other.owner);
        self == other || (own.run == theirs.run && own.node == theirs.node && own.life > theirs.life)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = table();
        for file in &self.files {
            let Some(entry) = held.get_mut(file).filter(|entry| entry.holder == self.holder) else {
                continue;
            };
            entry.claims -= 1;
            if entry.claims == 0 {
                held.remove(file);
            }
        }
    }
}

fn refusal(file: &Path, entry: &Entry) -> String {
    format!(
        "`{}` is held by `{}` for `{}` already; have one node turn the knobs of a group, or end that lease first",
        file.display(),
        entry.holder.owner.node,
        entry.target
    )
}

fn table() -> MutexGuard<'static, BTreeMap<PathBuf, Entry>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::testkit::TestHost;

    const ONE: TargetId = TargetId(1);

    fn host(node: &str) -> Host {
        let host = TestHost::new();
        host.world().node_names = vec![node.to_owned()];
        host.target(Target {
            name: "batch".into(),
            ..Target::default()
        });
        Host::new(host.handle())
    }

    /// Tests share the table, so each has a file of its own.
    fn files(name: &str) -> Vec<PathBuf> {
        vec![format!("/{name}/cpu.idle").into(), format!("/{name}/cpu.weight").into()]
    }

    #[test]
    fn what_one_node_holds_another_is_refused_by_name_until_it_is_let_go() {
        let (first, second) = (host("first"), host("second"));
        let held = Owner::new(&first).claim(files("a"), ONE, &first).unwrap();
        let of_second = Owner::new(&second);
        let weight = vec![PathBuf::from("/a/cpu.weight")];
        let refused = of_second.claim(weight.clone(), ONE, &second).unwrap_err();
        assert!(
            refused
                .message
                .contains("`/a/cpu.weight` is held by `first` for `batch`"),
            "{refused}"
        );
        drop(held);
        assert!(of_second.claim(weight, ONE, &second).is_ok());
    }

    #[test]
    fn one_node_claims_for_one_target_as_often_as_it_likes() {
        let host = host("limit");
        let owner = Owner::new(&host);
        let idle = owner.claim(files("b"), ONE, &host).unwrap();
        let weight = owner.claim(files("b"), ONE, &host).unwrap();
        drop(idle);
        assert!(owner.claim(files("b"), TargetId(2), &host).is_err(), "still held once");
        drop(weight);
        assert!(owner.claim(files("b"), TargetId(2), &host).is_ok());
    }

    #[test]
    fn a_refused_claim_holds_nothing() {
        let (first, second) = (host("first"), host("second"));
        let _held = Owner::new(&first)
            .claim(vec!["/c/cpu.weight".into()], ONE, &first)
            .unwrap();
        assert!(Owner::new(&second).claim(files("c"), ONE, &second).is_err());
        assert!(
            Owner::new(&host("third"))
                .claim(vec!["/c/cpu.idle".into()], ONE, &first)
                .is_ok()
        );
    }

    /// A call that hangs keeps its node, and so its claims, while the host has made the node anew.
    #[test]
    fn a_later_life_of_a_node_follows_the_one_before_and_not_the_other_way() {
        let host = host("limit");
        let (earlier, later) = (Owner::new(&host), Owner::new(&host));
        let hung = earlier.claim(files("d"), ONE, &host).unwrap();
        let held = later.claim(files("d"), ONE, &host).unwrap();
        drop(hung);
        assert!(
            earlier.claim(files("d"), ONE, &host).is_err(),
            "the later one still holds it"
        );
        drop(held);
    }
}
