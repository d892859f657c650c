//! The processes of a container, looked for again and again where they are wanted.

use super::*;

#[test]
fn processes_are_looked_for_and_told_when_they_are_others() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    bed.told();
    let second = bed.process(&id('b'));
    let list = format!("sys/fs/cgroup/cpu,cpuacct/docker/{}/cgroup.procs", id('a'));
    let other = list.replace("cpu,cpuacct", "memory");
    for list in [&list, &other] {
        bed.tree.write(list, &format!("{second}\n{}\n", web.pid));
    }
    let told = bed.told().remove(0);
    assert_eq!(told.change, Change::CHANGED);
    let pids: Vec<u32> = told.target.processes.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [web.pid, second]);
    assert_eq!(bed.tick(1000), []);
}

#[test]
fn processes_are_left_out_where_they_are_not_wanted() {
    let mut bed = Bed::new("processes: false");
    bed.run('a', "web");
    let target = bed.told().remove(0).target;
    assert_eq!((target.processes.len(), target.cgroups.len()), (0, 3));
    assert_eq!(bed.tick(1000), []);
}
