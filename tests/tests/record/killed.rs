//! A run that is killed while it records: every segment can be read, and no more than a flush interval is lost.

use std::time::Duration;
use system_tests::killed::{Kill, kill_one};

/// `scripts/chaos record` does this a hundred times and more.
#[test]
fn killed_at_any_moment_a_record_is_whole_up_to_its_last_flush() {
    for (number, after) in [300, 700, 1100, 1500].into_iter().enumerate() {
        let kill = Kill {
            after: Duration::from_millis(after + 37 * number as u64),
            flush: Duration::from_millis(200),
        };
        let left = kill_one(&kill);
        assert!(left.torn.is_empty(), "{:?}", left.torn);
        assert!(left.trouble.is_empty(), "{:?}", left.trouble);
        // A machine that is busy with other tests may stop anybody for long.
        let most = kill.flush + Duration::from_secs(30);
        assert!(left.readings > 0 && left.lost < most, "{left:?}");
    }
}
