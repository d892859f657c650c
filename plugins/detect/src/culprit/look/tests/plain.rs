//! The same search written plainly: lines of what is there or not, one pass for each sum, all neighbours at once.

use super::*;

type Line = Vec<Option<f64>>;

fn there(line: &[f64]) -> Line {
    line.iter().map(|value| value.is_finite().then_some(*value)).collect()
}

/// Those that score enough, most first.
pub fn suspects(lines: &Lines, victim: TargetId, neighbours: &[TargetId], config: &CulpritConfig) -> Vec<Suspect> {
    let mut line = Vec::new();
    lines.signal(victim, lines.span(), &mut line);
    let turned = |value: f64| match config.worse {
        Worse::Higher => value,
        Worse::Lower => config.threshold * config.threshold / value.max(config.threshold * 1e-6),
    };
    let signal: Line = there(&line).into_iter().map(|value| value.map(turned)).collect();
    let mut used: Vec<(TargetId, Use, Line)> = Vec::new();
    for target in neighbours {
        for kind in USES {
            if lines.used(*target, kind, lines.span(), &mut line) {
                used.push((*target, kind, there(&line)));
            }
        }
    }
    let mut found = match config.method {
        Method::Published => published(&signal, &used, config),
        Method::Conditional => conditional(&signal, used, config),
    };
    found.truncate(MOST);
    found
}

fn both<'a>(a: &'a [Option<f64>], b: &'a [Option<f64>]) -> impl Iterator<Item = (f64, f64)> {
    a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)))
}

fn published(signal: &Line, used: &[(TargetId, Use, Line)], config: &CulpritConfig) -> Vec<Suspect> {
    let mut found: Vec<Suspect> = Vec::new();
    for (target, _, line) in used.iter().filter(|(_, used, _)| *used == Use::Cpu) {
        let all: f64 = both(signal, line).map(|(_, used)| used).sum();
        let weighed = both(signal, line).map(|(c, used)| match c {
            above if above > config.threshold => used / all * (1.0 - config.threshold / above),
            below => used / all * (below / config.threshold - 1.0),
        });
        let (target, score, used) = (*target, weighed.sum(), Use::Cpu);
        if all > 0.0 && score >= config.least {
            found.push(Suspect { target, score, used });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.target.cmp(&b.target)));
    found
}

fn conditional(signal: &Line, mut used: Vec<(TargetId, Use, Line)>, config: &CulpritConfig) -> Vec<Suspect> {
    let mut left: Line = signal
        .iter()
        .map(|value| value.map(|v| libm::log(v.max(1e-12))))
        .collect();
    let all = variation(&left);
    let mut found: Vec<Suspect> = Vec::new();
    while found.len() < MOST && all > 0.0 {
        let part = (variation(&left) / all).sqrt().min(1.0);
        let mut best: Option<(usize, f64)> = None;
        for (at, (.., line)) in used.iter().enumerate() {
            let lags = (0..=score::LAGS).map(|lag| correlation(&left[lag..], line));
            let this = lags.fold(
                Correlation::default(),
                |best, this| if this.r > best.r { this } else { best },
            );
            let clear = this.r * part >= config.least && this.clear(found.len()) >= config.clear;
            if clear && best.is_none_or(|(_, r)| this.r > r) {
                best = Some((at, this.r));
            }
        }
        let Some((at, r)) = best else { break };
        let (target, kind, line) = used.remove(at);
        let (score, used_by_it) = (r * part, kind);
        found.push(Suspect {
            target,
            score,
            used: used_by_it,
        });
        left = residual(&left, &line);
        used.retain(|(id, ..)| *id != target);
        for (.., other) in &mut used {
            *other = residual(other, &line);
        }
    }
    found
}

fn correlation(a: &[Option<f64>], b: &[Option<f64>]) -> Correlation {
    let count = both(a, b).count();
    let n = count.max(1) as f64;
    let (mean_a, mean_b) = both(a, b).fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a / n, sum.1 + b / n));
    let (ab, aa, bb) = both(a, b).fold((0.0, 0.0, 0.0), |sum, (a, b)| {
        let (a, b) = (a - mean_a, b - mean_b);
        (sum.0 + a * b, sum.1 + a * a, sum.2 + b * b)
    });
    let flat = aa <= 1e-12 * n * mean_a * mean_a || bb <= 1e-12 * n * mean_b * mean_b;
    let r = if flat || count < 3 {
        0.0
    } else {
        (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0)
    };
    Correlation { r, count }
}

fn residual(line: &[Option<f64>], other: &[Option<f64>]) -> Line {
    let n = both(line, other).count().max(1) as f64;
    let (mean, mean_other) = both(line, other).fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a / n, sum.1 + b / n));
    let (ab, bb) = both(line, other).fold((0.0, 0.0), |sum, (a, b)| {
        (sum.0 + (a - mean) * (b - mean_other), sum.1 + (b - mean_other).powi(2))
    });
    let slope = if bb > 0.0 { ab / bb } else { 0.0 };
    let left = |(a, b): (&Option<f64>, &Option<f64>)| Some((*a)? - b.map_or(0.0, |b| slope * (b - mean_other)));
    line.iter().zip(other).map(left).collect()
}

fn variation(line: &[Option<f64>]) -> f64 {
    let there = || line.iter().flatten();
    let mean = there().sum::<f64>() / there().count().max(1) as f64;
    there().map(|value| (value - mean).powi(2)).sum()
}
