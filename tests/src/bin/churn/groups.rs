//! Real control groups that come and go, every other one with a process in it.

use pipeline_cgroup_fs::{ControllerSet, Group, Hierarchies, Leaf, Made};
use std::error::Error;
use std::process::{Child, Command, Stdio};

/// Groups below one of their own, which is gone with them when this is dropped.
pub struct Groups {
    top: Made,
    /// Where processes are that are in none of the groups; on version 2 the top itself may hold none.
    home: Made,
    batch: Made,
    alive: Vec<Made>,
    sleepers: Vec<Child>,
}

impl Groups {
    /// Makes `churn-PID`, with all controllers of this machine.
    ///
    /// # Errors
    /// Groups may not be made here.
    pub fn make() -> Result<Self, Box<dyn Error>> {
        let trees = Hierarchies::discover("/")?;
        let root = Group::at(&trees, "")?;
        let top = leaf(&root, &format!("churn-{}", std::process::id()))?;
        let below = leaf(&top.group, "home").and_then(|home| match leaf(&top.group, "batch") {
            Ok(batch) => Ok((home, batch)),
            Err(error) => remove(&home).and(Err(error)),
        });
        match below {
            Ok((home, batch)) => Ok(Self {
                top,
                home,
                batch,
                alive: Vec::new(),
                sleepers: Vec::new(),
            }),
            Err(error) => remove(&top).and(Err(error)),
        }
    }

    /// The pattern that means all groups of a batch.
    pub fn pattern(&self) -> String {
        format!("/{}/*", self.batch.group.path().display())
    }

    /// Makes a batch; every second round has the names of the one before it, so that names live again.
    ///
    /// # Errors
    /// A group cannot be made, or a process cannot be moved there.
    pub fn come(&mut self, round: usize, count: usize) -> Result<(), Box<dyn Error>> {
        for number in 0..count {
            let made = leaf(&self.batch.group, &format!("g-{}-{number}", round / 2))?;
            let group = made.group.clone();
            self.alive.push(made);
            if number % 2 == 0 {
                group.attach(self.sleeper(number / 2)?)?;
            }
        }
        Ok(())
    }

    /// Removes all of the batch.
    ///
    /// # Errors
    /// A process cannot be moved away, or a group cannot be removed.
    pub fn go(&mut self) -> Result<(), Box<dyn Error>> {
        for sleeper in &self.sleepers {
            self.home.group.attach(sleeper.id())?;
        }
        while let Some(made) = self.alive.pop() {
            remove(&made)?;
        }
        Ok(())
    }

    /// The id of the sleeping process of that number; it is started if there is none yet.
    fn sleeper(&mut self, number: usize) -> Result<u32, Box<dyn Error>> {
        while self.sleepers.len() <= number {
            let mut command = Command::new("sleep");
            let command = command.arg("3600").stdin(Stdio::null()).stdout(Stdio::null());
            self.sleepers.push(command.spawn()?);
        }
        Ok(self.sleepers[number].id())
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for sleeper in &mut self.sleepers {
            // Both fail only where it ended by itself.
            let _ = sleeper.kill();
            let _ = sleeper.wait();
        }
        for made in self.alive.iter().chain([&self.batch, &self.home, &self.top]) {
            // What cannot be removed was said to be there by its name.
            let _ = remove(made);
        }
    }
}

fn leaf(parent: &Group, name: &str) -> Result<Made, Box<dyn Error>> {
    Ok(Leaf::plan(parent, name, ControllerSet::ALL)?.make()?)
}

fn remove(made: &Made) -> Result<(), Box<dyn Error>> {
    made.group.remove()?;
    for change in made.changes.iter().rev() {
        change.undo()?;
    }
    Ok(())
}
