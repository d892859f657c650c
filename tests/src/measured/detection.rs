//! What was said about the victim in a window: when it was noticed, and who was blamed.

use super::record::{At, Finding, Record};
use super::windows::Window;

/// What became of one disturbance.
#[derive(Clone, Debug)]
pub struct Detection {
    /// When it began.
    pub began: At,
    /// Milliseconds until a finding about the victim began.
    pub after_ms: Option<f64>,
    /// Milliseconds until somebody was blamed.
    pub blamed_ms: Option<f64>,
    /// Who that was.
    pub culprit: Option<String>,
    /// Through what; `-` where nothing was said.
    pub resource: String,
}

/// What was said about the victim between a window's beginning and its end.
pub fn detection(record: &Record, window: &Window) -> Detection {
    let mut noticed = findings(record, window.began, window.to);
    let after = |finding: &Finding| (finding.at - window.began) as f64 / 1e6;
    let first = noticed.clone().next();
    let blaming = noticed.find(|finding| !finding.culprits.is_empty());
    Detection {
        began: window.began,
        after_ms: first.map(after),
        blamed_ms: blaming.map(after),
        culprit: blaming.and_then(|finding| finding.culprits.first().cloned()),
        resource: blaming
            .or(first)
            .map_or("-".to_owned(), |finding| finding.resource.clone()),
    }
}

/// What was said about the victim in that time, of what is not over.
pub fn findings(record: &Record, from: At, to: At) -> impl Iterator<Item = &Finding> + Clone {
    let during = move |finding: &&Finding| (from..to).contains(&finding.at) && finding.victim == "web";
    record
        .findings
        .iter()
        .filter(during)
        .filter(|finding| finding.phase != "ends")
}

/// The middle one of the times after which disturbances were noticed, in milliseconds.
pub fn median_ms(detections: &[Detection]) -> Option<f64> {
    let mut after: Vec<f64> = detections.iter().filter_map(|found| found.after_ms).collect();
    after.sort_by(f64::total_cmp);
    after.get(after.len() / 2).copied()
}

/// In how many of them that target was blamed first.
pub fn blamed(detections: &[Detection], name: &str) -> usize {
    let right = |found: &&Detection| found.culprit.as_deref() == Some(name);
    detections.iter().filter(right).count()
}
