//! Which containers are brought: those that are meant, that can be seen from here, and for which there is room.

use super::*;

#[test]
fn those_that_are_not_meant_are_not_brought_and_not_even_asked_about() {
    let mut bed = Bed::new("images: [\"postgres:*\"], except: [\"*-test\"]");
    bed.run('a', "web");
    let mut db = bed.run('b', "db");
    db.image = "postgres:16".into();
    bed.fake.have(&id('b'), db.clone());
    let test = bed.run('c', "db-test");
    bed.fake.have(
        &id('c'),
        Container {
            image: "postgres:16".into(),
            ..test
        },
    );
    assert_eq!(bed.names(), [appeared("box/db")]);
    bed.settle();
    assert_eq!(bed.fake.asked(&id('a')) + bed.fake.asked(&id('c')), 0);
    assert_eq!(bed.fake.asked(&id('b')), 1, "what is known is not asked about again");
}

#[test]
fn an_image_that_the_list_hides_is_asked_for() {
    let mut bed = Bed::new("images: [\"redis:*\"]");
    let web = bed.run('a', "web");
    let listed = format!(
        r#"[{{"Id":"{}","Names":["/web"],"Image":"sha256:0a","State":"running"}}]"#,
        id('a')
    );
    bed.fake.answer(
        "/containers/json",
        Some(&crate::testing::response(200, listed.as_bytes())),
    );
    let told = bed.told().remove(0).target;
    assert_eq!(
        (label(&told, "image"), told.processes[0].pid),
        (Some("redis:7"), web.pid)
    );
}

#[test]
fn a_first_process_that_is_not_the_containers_is_not_taken_for_it_and_that_is_told_once() {
    let mut bed = Bed::new("rescan: \"5s\"");
    let web = bed.run('a', "web");
    // As in another pid namespace than the engine's: the id is somebody else's here.
    bed.tree
        .write(&format!("proc/{}/cgroup", web.pid), "4:memory:/docker/abc\n");
    bed.quiet_until("look", |bed| bed.fake.asked(&id('a')) == 1);
    assert_eq!(bed.lines(Level::WARN, "--pid=host"), 0, "it may have ended meanwhile");
    for _ in 0..3 {
        let before = bed.fake.asked(&id('a'));
        assert_eq!(bed.tick(5000), []);
        bed.quiet_until("look again", |bed| bed.fake.asked(&id('a')) > before);
    }
    bed.quiet_until("tell it", |bed| bed.lines(Level::WARN, "--pid=host") == 1);
    assert_eq!(bed.lines(Level::WARN, ""), 1);
}

#[test]
fn more_containers_than_targets_are_told_once_and_one_that_goes_makes_room() {
    let mut bed = Bed::new("most: 1, rescan: \"5s\"");
    let web = bed.run('a', "web");
    bed.run('b', "db");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.quiet_until("tell it", |bed| bed.lines(Level::WARN, "raise `most`") == 1);
    bed.tick(5000);
    bed.quiet_until("look again", |bed| bed.fake.asked(&id('b')) == 2);
    bed.fake.lack(&id('a'));
    bed.kill(web.pid);
    // What the engine was asked may be answered only now, when there is room; else the next list tells of it.
    let mut told = bed.names();
    until("bring the other", || {
        told.extend(named(bed.tick(5000)));
        told.len() == 2
    });
    assert_eq!(told, [gone("box/web"), appeared("box/db")]);
    assert_eq!(bed.lines(Level::WARN, "raise `most`"), 1);
}

#[test]
fn an_engine_elsewhere_is_refused() {
    let refused = TestHost::new().node::<Provides<DockerWatch>>("(socket: \"tcp://10.0.0.1:2375\")");
    assert!(refused.err().unwrap().contains("is no unix socket"));
}
