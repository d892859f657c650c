//! An engine that says too little, is away, comes back, cannot answer, or does not answer at all.

use super::*;

#[test]
fn what_the_engine_failed_to_tell_is_found_by_the_next_list() {
    let mut bed = Bed::new("rescan: \"5s\"");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.run('b', "db");
    bed.fake.have(&id('a'), Container { paused: true, ..web });
    bed.quiet_until("ask once", |bed| bed.fake.asked("/containers/json") == 1);
    bed.tick(5000);
    let mut told = bed.names();
    while told.len() < 2 {
        told.extend(bed.names());
    }
    told.sort();
    assert_eq!(told, [appeared("box/db"), changed("box/web")]);
    bed.fake.lack(&id('a'));
    bed.tick(5000);
    assert_eq!(bed.names(), [gone("box/web")]);
}

#[test]
fn without_an_engine_that_is_told_once_and_it_is_found_when_it_comes() {
    let mut fake = FakeEngine::start();
    fake.shut_down();
    let mut bed = Bed::with("", fake);
    bed.quiet_until("miss it", |bed| bed.lines(Level::WARN, "there is no engine at") == 1);
    assert!(
        bed.status().starts_with("0 containers; there is no engine at `"),
        "{}",
        bed.status()
    );
    for _ in 0..10 {
        let before = bed.lines(Level::DEBUG, "there is no engine at");
        assert_eq!(bed.tick(30_000), []);
        bed.quiet_until("try again", |bed| {
            bed.lines(Level::DEBUG, "there is no engine at") > before
        });
    }
    assert_eq!(bed.lines(Level::WARN, ""), 1);
    bed.run('a', "web");
    bed.fake.listen();
    bed.tick(30_000);
    assert_eq!(bed.names(), [appeared("box/web")]);
    assert_eq!(bed.lines(Level::INFO, "the engine is there"), 1);
}

#[test]
fn while_an_engine_is_away_its_containers_live_on_and_their_ends_are_seen() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    let db = bed.run('b', "db");
    bed.fake.tell("start", &id('b'));
    assert_eq!(bed.names(), [appeared("box/db")]);
    bed.fake.shut_down();
    bed.quiet_until("miss it", |bed| bed.lines(Level::WARN, "growing pauses") >= 1);
    bed.kill(db.pid);
    assert_eq!(bed.names(), [gone("box/db")]);
    bed.fake.lack(&id('b'));
    bed.fake.listen();
    bed.tick(60_000);
    bed.quiet_until("be there again", |bed| {
        bed.status() == "1 containers; engine 20.10.24, API 1.41"
    });
    bed.settle();
    bed.kill(web.pid);
    assert_eq!(bed.names(), [gone("box/web")]);
}

#[test]
fn a_restarted_engine_that_ended_its_containers_has_them_told_gone() {
    let mut bed = Bed::new("");
    let web = bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    bed.fake.shut_down();
    bed.fake.lack(&id('a'));
    bed.fake.listen();
    // Its process is still about to end, and only the engine knows.
    bed.quiet_until("miss it", |bed| bed.lines(Level::WARN, "growing pauses") >= 1);
    bed.tick(60_000);
    assert_eq!(bed.names(), [gone("box/web")]);
    assert!(web.pid > 0);
}

#[test]
fn a_container_that_cannot_be_asked_about_stays_as_it_was() {
    let mut bed = Bed::new("");
    bed.run('a', "web");
    assert_eq!(bed.names(), [appeared("box/web")]);
    let locked = crate::testing::response(500, b"{\"message\":\"locked\"}");
    bed.fake.answer(&format!("{}/json", id('a')), Some(&locked));
    bed.fake.tell("die", &id('a'));
    bed.quiet_until("tell it", |bed| {
        bed.lines(Level::WARN, "does not tell what became") == 1
    });
    assert!(bed.status().starts_with("1 containers; engine"), "{}", bed.status());
    for _ in 0..3 {
        let before = bed.lines(Level::DEBUG, "does not tell what became");
        bed.tick(30_000);
        bed.quiet_until("ask again", |bed| {
            bed.lines(Level::DEBUG, "does not tell what became") > before
        });
    }
    assert_eq!(bed.lines(Level::WARN, "does not tell what became"), 1);
}

#[test]
fn the_end_of_a_run_waits_for_nobody_and_tells_nobody_gone() {
    let fake = FakeEngine::start();
    fake.answer("/version", None);
    let mut bed = Bed::with("", fake);
    bed.quiet_until("ask", |bed| bed.fake.asked("/version") == 1);
    let begun = std::time::Instant::now();
    assert_eq!(bed.node.finish().unwrap().changes.len(), 0);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    let mut watched = Bed::new("");
    watched.run('a', "web");
    watched.told();
    assert_eq!(watched.node.finish().unwrap().changes.len(), 0);
}
