//! Tests of undoing: each kind on what is as we left it, what someone else changed, and what went away.

use super::*;
use crate::run::clock::boot_ticks;
use crate::run::tests::until;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

fn entry(kind: UndoKind, path: &Path, before: &str, after: &str) -> Entry {
    Entry {
        kind: kind.0,
        path: path.to_str().unwrap().into(),
        inode: std::fs::metadata(path).map(|m| m.ino()).unwrap_or_default(),
        before: before.into(),
        after: after.into(),
        ..Entry::default()
    }
}

fn write(path: &Path, before: &str, after: &str) -> Entry {
    entry(UndoKind::WRITE_FILE, path, before, after)
}

fn knob(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn undone(entry: &Entry) -> Undone {
    undo(entry, How::carefully(Patience::Wait)).unwrap()
}

fn by_force(entry: &Entry) -> Undone {
    let how = How {
        patience: Patience::Once,
        force: true,
    };
    undo(entry, how).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A child with its record; it leads a process group of its own if asked to.
fn child(command: &mut Command) -> (Child, Entry) {
    let child = command.spawn().unwrap();
    let entry = Entry {
        kind: UndoKind::KILL.0,
        pid: child.id(),
        start_time: Stat::of(child.id()).unwrap().start_time,
        ..Entry::default()
    };
    (child, entry)
}

#[test]
fn a_knob_that_reads_what_we_wrote_goes_back() {
    let file = knob("1\n");
    let entry = write(file.path(), "0", "1");
    assert_eq!((undone(&entry), read(file.path())), (Undone::Restored, "0".into()));
    assert_eq!(undone(&entry), Undone::Back);
}

#[test]
fn an_empty_text_is_put_back_as_a_bare_newline() {
    let file = knob("0-1\n");
    assert_eq!(undone(&write(file.path(), "", "0-1")), Undone::Restored);
    assert_eq!(read(file.path()), "\n");
}

#[test]
fn a_knob_that_someone_else_changed_is_left_alone_unless_it_is_forced() {
    let file = knob("7\n");
    let entry = write(file.path(), "0", "1");
    let found = format!("`{}` reads `7` and not `1`", file.path().display());
    assert_eq!(
        (undone(&entry), read(file.path())),
        (Undone::Taken(found), "7\n".into())
    );
    assert_eq!((by_force(&entry), read(file.path())), (Undone::Restored, "0".into()));
}

#[test]
fn a_knob_whose_amended_write_was_not_made_yet_is_ours() {
    let file = knob("1\n");
    let mut entry = write(file.path(), "0", "1");
    entry.amend("2");
    assert_eq!((undone(&entry), read(file.path())), (Undone::Restored, "0".into()));
}

#[test]
fn a_path_that_is_another_inode_now_is_not_written_even_by_force() {
    let file = knob("1\n");
    let mut entry = write(file.path(), "0", "1");
    entry.inode += 1;
    assert_eq!((undone(&entry), by_force(&entry)), (Undone::Gone, Undone::Gone));
    assert_eq!(read(file.path()), "1\n");
}

/// Such a file reads as a list and takes changes of it, so what is written never equals what is read.
#[test]
fn a_change_of_a_list_is_made_once_whatever_others_add_to_the_list() {
    let file = knob("cpu memory io\n");
    let entry = write(file.path(), "-cpu -memory", "cpu memory");
    assert_eq!(
        (undone(&entry), read(file.path())),
        (Undone::Restored, "-cpu -memory".into())
    );
    std::fs::write(file.path(), "io\n").unwrap();
    assert_eq!((undone(&entry), read(file.path())), (Undone::Back, "io\n".into()));
    std::fs::write(file.path(), "cpuset io\n").unwrap();
    assert_eq!(undone(&entry), Undone::Back, "cpuset is not cpu");
}

#[test]
fn a_number_with_a_sign_is_content_and_no_change_of_a_list() {
    let file = knob("50000\n");
    let entry = write(file.path(), "-1", "50000");
    assert_eq!((undone(&entry), read(file.path())), (Undone::Restored, "-1".into()));
    std::fs::write(file.path(), "7").unwrap();
    assert!(matches!(undone(&entry), Undone::Taken(_)));
}

#[test]
fn what_is_frozen_thaws_whatever_was_left() {
    let file = knob("FREEZING\n");
    let entry = entry(UndoKind::THAW, file.path(), "THAWED", "FROZEN");
    assert_eq!((undone(&entry), read(file.path())), (Undone::Restored, "THAWED".into()));
}

#[test]
fn a_directory_that_we_made_is_removed_and_a_vanished_one_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let mut entry = entry(UndoKind::REMOVE_DIR, &made, "", "");
    assert_eq!(undone(&entry), Undone::Gone, "recorded, and never made");
    std::fs::create_dir(&made).unwrap();
    entry.inode = std::fs::metadata(&made).unwrap().ino() + 1;
    assert_eq!(undone(&entry), Undone::Gone, "another one of that name");
    assert!(made.exists());
    entry.inode = 0;
    assert_eq!(undone(&entry), Undone::Restored);
    assert!(!made.exists());
}

#[test]
fn a_directory_that_is_not_empty_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let entry = entry(UndoKind::REMOVE_DIR, folder.path(), "", "");
    let error = undo(&entry, How::carefully(Patience::Once)).unwrap_err();
    assert!(
        error.is_busy() && error.to_string().contains("put it back by hand: `rmdir /"),
        "{error}"
    );
}

#[test]
fn a_process_with_the_same_pid_and_another_start_is_not_killed() {
    let (mut child, mut entry) = child(Command::new("sleep").arg("60"));
    entry.start_time += 1;
    assert_eq!(undone(&entry), Undone::Gone);
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_process_is_killed_by_its_record() {
    let (mut child, entry) = child(Command::new("sleep").arg("60"));
    assert_eq!(undone(&entry), Undone::Restored);
    assert!(!child.wait().unwrap().success());
    assert_eq!(undone(&entry), Undone::Gone);
}

#[test]
fn a_stopped_process_goes_on_by_its_record_and_another_of_its_id_does_not() {
    let (mut child, mut entry) = child(Command::new("sleep").arg("60"));
    entry.kind = UndoKind::CONTINUE.0;
    let pid = rustix::process::Pid::from_child(&child);
    let stands = || Stat::of(entry.pid).is_some_and(|stat| stat.state == 'T');
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    until(stands);
    let later = Entry {
        start_time: entry.start_time + 1,
        ..entry.clone()
    };
    assert_eq!(undone(&later), Undone::Gone);
    assert!(stands());
    assert_eq!(undone(&entry), Undone::Restored);
    until(|| !stands());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(undone(&entry), Undone::Gone);
}

#[test]
fn with_a_process_that_leads_its_group_its_children_are_killed() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "sleep 61 & echo $! ; wait"]).process_group(0);
    let (mut child, entry) = child(shell.stdout(std::process::Stdio::piped()));
    let mut line = String::new();
    let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let grandchild: u32 = line.trim().parse().unwrap();
    assert!(Stat::of(grandchild).is_some_and(|stat| stat.group == child.id()));
    assert_eq!(undone(&entry), Undone::Restored);
    child.wait().unwrap();
    // Its new parent reaps it when it likes; it is dead at once.
    until(|| Stat::of(grandchild).is_none_or(|stat| stat.is_dead()));
}

#[test]
fn neither_this_process_nor_the_first_one_is_ever_killed() {
    for pid in [0, 1, std::process::id()] {
        let entry = Entry {
            kind: UndoKind::KILL.0,
            pid,
            start_time: Stat::of(pid).map_or(0, |stat| stat.start_time),
            ..Entry::default()
        };
        assert_eq!(undone(&entry), Undone::Gone, "{pid}");
    }
}

/// A file that lists processes as a group's does, but for that it does not know who died.
fn list(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("procs");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn every_process_of_a_list_is_killed_and_this_one_is_spared() {
    let (mut one, first) = child(Command::new("sleep").arg("60"));
    let (mut two, second) = child(Command::new("sleep").arg("60"));
    let (_folder, path) = list(&format!("{}\n{}\n{}\n", first.pid, std::process::id(), second.pid));
    let entry = entry(UndoKind::KILL_TASKS, &path, "", "");
    let error = undo(&entry, How::carefully(Patience::Once)).unwrap_err();
    assert!(
        error.is_busy() && error.to_string().contains("still lists processes"),
        "{error}"
    );
    assert!(!one.wait().unwrap().success() && !two.wait().unwrap().success());
}

#[test]
fn a_list_of_nobody_is_back_and_one_that_vanished_is_gone() {
    let (folder, path) = list(&format!("{}\n", std::process::id()));
    let mut entry = entry(UndoKind::KILL_TASKS, &path, "", "");
    assert_eq!(undone(&entry), Undone::Back);
    entry.inode += 1;
    assert_eq!(undone(&entry), Undone::Gone, "the list of another group");
    drop(folder);
    assert_eq!(undone(&entry), Undone::Gone);
}

#[test]
fn a_thread_gets_its_cpus_back_unless_someone_else_moved_it() {
    let Some((first, second)) = two_cpus() else {
        return;
    };
    let mut command = Command::new("taskset");
    let (mut child, mut entry) = child(command.args(["-c", &first.to_string(), "sleep", "60"]));
    let cpus = || cpus_of(child.id());
    entry.kind = UndoKind::SET_AFFINITY.0;
    until(|| cpus() == first.to_string());
    (entry.before, entry.after) = (format!("{first},{second}"), second.to_string());
    assert_eq!(
        undone(&entry),
        Undone::Taken(format!("thread {} may use `{first}` and not `{second}`", entry.pid))
    );
    entry.after = first.to_string();
    assert_eq!(
        (undone(&entry), cpus()),
        (Undone::Restored, format!("{first}-{second}"))
    );
    assert_eq!(undone(&entry), Undone::Back);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(undone(&entry), Undone::Gone);
}

#[test]
fn threads_that_were_made_since_get_what_their_process_had_and_others_are_left_alone() {
    let Some((first, second)) = two_cpus() else {
        return;
    };
    let program = "import os, sys, threading, time\n\
                   first, second = int(sys.argv[1]), int(sys.argv[2])\n\
                   def other():\n    os.sched_setaffinity(0, {second})\n    time.sleep(60)\n\
                   threading.Thread(target=other, daemon=True).start()\n\
                   os.sched_setaffinity(0, {first})\n\
                   threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n\
                   print('ready', flush=True)\ntime.sleep(60)\n";
    let mut command = Command::new("python3");
    command.args(["-c", program, &first.to_string(), &second.to_string()]);
    let (mut child, mut entry) = child(command.stdout(std::process::Stdio::piped()));
    let mut line = [0; 6];
    std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut line).unwrap();
    let folder = format!("/proc/{}/task", child.id());
    let cpus = || {
        let tasks = std::fs::read_dir(&folder).unwrap().flatten();
        let mut all: Vec<String> = tasks.map(|task| allowed_list(&task.path())).collect();
        all.sort();
        all
    };
    until(|| cpus().iter().filter(|cpus| **cpus == second.to_string()).count() == 1);
    entry.kind = UndoKind::SET_AFFINITY.0;
    entry.path = folder.clone();
    (entry.before, entry.after) = (format!("{first},{second}"), first.to_string());
    let other = Entry {
        start_time: entry.start_time + 1,
        ..entry.clone()
    };
    assert_eq!(undone(&other), Undone::Gone, "an id that is another's by now");
    assert_eq!(undone(&entry), Undone::Restored);
    let mut all = vec![
        second.to_string(),
        format!("{first}-{second}"),
        format!("{first}-{second}"),
    ];
    all.sort();
    assert_eq!(cpus(), all);
    assert_eq!((by_force(&entry), cpus()), (Undone::Back, all));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(undone(&entry), Undone::Gone);
}

#[test]
fn children_that_were_born_since_get_what_their_parent_had_and_older_ones_are_left_alone() {
    let Some((first, second)) = two_cpus() else {
        return;
    };
    if !Path::new("/proc/thread-self/children").exists() {
        println!("SKIP: this kernel does not list the children of a thread");
        return;
    }
    let program = "import os, sys, time\n\
                   def fork():\n    pid = os.fork()\n    if pid:\n        print(pid, flush=True)\n    return pid\n\
                   os.sched_setaffinity(0, {int(sys.argv[1])})\n\
                   if fork():\n    sys.stdin.readline()\n    if not fork():\n        fork()\n\
                   time.sleep(60)\n";
    let mut command = Command::new("python3");
    command.args(["-c", program, &first.to_string()]).process_group(0);
    let piped = std::process::Stdio::piped;
    let (mut child, mut entry) = child(command.stdin(piped()).stdout(piped()));
    let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut next = || -> u32 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        line.trim().parse().unwrap()
    };
    let older = next();
    entry.kind = UndoKind::SET_AFFINITY.0;
    entry.path = format!("/proc/{}/task", child.id());
    (entry.before, entry.after) = (format!("{first},{second}"), first.to_string());
    let born = Stat::of(older).unwrap().start_time;
    until(|| boot_ticks() > born);
    entry.since = boot_ticks();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
    let newborn = [next(), next()];
    let cpus = || newborn.map(cpus_of);
    let unknown = Entry {
        since: 0,
        ..entry.clone()
    };
    assert_eq!(undone(&unknown), Undone::Restored, "the process itself");
    assert_eq!(cpus(), [first.to_string(), first.to_string()]);
    assert_eq!(undone(&entry), Undone::Restored);
    assert_eq!(
        cpus(),
        [format!("{first}-{second}"), format!("{first}-{second}")],
        "a child and a child of that"
    );
    assert_eq!(cpus_of(older), first.to_string());
    assert_eq!(undone(&entry), Undone::Back);
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    child.wait().unwrap();
}

fn cpus_of(pid: u32) -> String {
    allowed_list(Path::new(&format!("/proc/{pid}")))
}

/// The CPUs of a process or thread, as the kernel prints them.
fn allowed_list(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("Cpus_allowed_list:"));
    line.unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

/// Two neighbouring CPUs that this test may use, if there are such.
fn two_cpus() -> Option<(usize, usize)> {
    let mask = rustix::thread::sched_getaffinity(None).unwrap();
    let may = |cpu: &usize| mask.is_set(*cpu);
    let first = (0..1023).find(|cpu| may(cpu) && may(&(cpu + 1)));
    if first.is_none() {
        println!("SKIP: there are no two CPUs side by side for this test");
    }
    first.map(|cpu| (cpu, cpu + 1))
}

#[test]
fn an_unknown_kind_is_an_error_and_not_a_guess() {
    let entry = Entry {
        kind: 99,
        ..Entry::default()
    };
    assert!(undo(&entry, How::carefully(Patience::Wait)).is_err());
}
