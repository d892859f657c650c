//! Balancing sockets by the stalls of what runs on them, as container-bench's scheduler does it: while the sums of two
//! sockets differ by more than a threshold, the youngest on the fuller one moves to the emptier one, if that helps.
//! Pure: loads in, moves out.

use pipeline_plugin_api::prelude::*;

/// A target that may be moved.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Load {
    /// Who.
    pub target: TargetId,
    /// On which socket.
    pub socket: usize,
    /// The share of its cycles in which it waits for memory, 0..=1; 1 where nothing is known of it.
    pub stalls: f64,
    /// When it came.
    pub since: Nanos,
}

/// When to move, and how much.
#[derive(Copy, Clone, Debug)]
pub struct Terms {
    /// By how much the sums must differ.
    pub threshold: f64,
    /// By how much a move must lessen that.
    pub least_improvement: f64,
    /// The most moves at a time.
    pub most_moves: usize,
}

/// A decision.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Move {
    /// Who moves.
    pub target: TargetId,
    /// From where.
    pub from: usize,
    /// To where.
    pub to: usize,
    /// By how much the sums differed before.
    pub before: f64,
    /// By how much they differ with the move.
    pub after: f64,
    /// How many others on `from` may still move.
    pub remaining: usize,
}

/// The moves, in order. `room` is how many more each socket takes.
pub fn decide(loads: &[Load], room: &[usize], terms: Terms) -> Vec<Move> {
    let (mut loads, mut room) = (loads.to_vec(), room.to_vec());
    let mut moves = Vec::new();
    while moves.len() < terms.most_moves
        && let Some((place, found)) = best(&loads, &room, terms)
    {
        loads[place].socket = found.to;
        room[found.to] -= 1;
        room[found.from] = room[found.from].saturating_add(1);
        moves.push(found);
    }
    moves
}

/// By how much the fullest and the emptiest socket differ.
pub fn imbalance(loads: &[Load], sockets: usize) -> f64 {
    let sums = sums(loads, sockets);
    let most = sums.iter().copied().fold(0.0, f64::max);
    let least = sums.iter().copied().fold(f64::INFINITY, f64::min);
    if sums.len() < 2 { 0.0 } else { most - least }
}

fn sums(loads: &[Load], sockets: usize) -> Vec<f64> {
    let mut sums = vec![0.0; sockets];
    loads.iter().for_each(|load| sums[load.socket] += load.stalls);
    sums
}

/// The youngest on the fullest socket whose move to the emptiest helps.
fn best(loads: &[Load], room: &[usize], terms: Terms) -> Option<(usize, Move)> {
    let sums = sums(loads, room.len());
    let order = |a: &usize, b: &usize| sums[*a].total_cmp(&sums[*b]).then(b.cmp(a));
    let from = (0..sums.len()).max_by(order)?;
    let to = (0..sums.len()).min_by(order)?;
    let before = sums[from] - sums[to];
    if before <= terms.threshold || room[to] == 0 {
        return None;
    }
    let mut there: Vec<usize> = (0..loads.len()).filter(|place| loads[*place].socket == from).collect();
    there.sort_by_key(|place| std::cmp::Reverse((loads[*place].since, loads[*place].target)));
    let after = |place: usize| (before - 2.0 * loads[place].stalls).abs();
    let place = there
        .iter()
        .copied()
        .find(|place| before - after(*place) >= terms.least_improvement && loads[*place].stalls > 0.0)?;
    let found = Move {
        target: loads[place].target,
        from,
        to,
        before,
        after: after(place),
        remaining: there.len() - 1,
    };
    Some((place, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        threshold: 0.05,
        least_improvement: 0.01,
        most_moves: 10,
    };

    fn loads(of: &[(u32, usize, f64)]) -> Vec<Load> {
        let load = |(target, socket, stalls): &(u32, usize, f64)| Load {
            target: TargetId(*target),
            socket: *socket,
            stalls: *stalls,
            since: Nanos(u64::from(*target)),
        };
        of.iter().map(load).collect()
    }

    fn told(of: &[(u32, usize, f64)], room: &[usize]) -> Vec<(u32, usize, usize)> {
        let moves = decide(&loads(of), room, TERMS);
        moves
            .iter()
            .map(|found| (found.target.0, found.from, found.to))
            .collect()
    }

    #[test]
    fn the_youngest_that_helps_moves_until_the_sockets_are_even() {
        const ANY: [usize; 2] = [usize::MAX; 2];
        type Row<'a> = (&'a [(u32, usize, f64)], &'a [usize], &'a [(u32, usize, usize)]);
        let cases: [Row<'_>; 8] = [
            (&[(1, 0, 1.0), (2, 0, 1.0)], &ANY, &[(2, 0, 1)]),
            (&[(1, 0, 1.0)], &ANY, &[]),
            (&[(1, 0, 1.0), (2, 1, 1.0)], &ANY, &[]),
            (
                &[(1, 1, 1.0), (2, 1, 1.0), (3, 1, 1.0), (4, 1, 1.0)],
                &ANY,
                &[(4, 1, 0), (3, 1, 0)],
            ),
            (
                &[(1, 0, 1.0), (2, 0, 1.0), (3, 0, 1.0), (4, 0, 1.0)],
                &[9, 1],
                &[(4, 0, 1)],
            ),
            (&[(1, 0, 0.1), (2, 0, 0.8)], &ANY, &[(2, 0, 1)]),
            (&[(1, 0, 0.3), (2, 1, 0.26)], &ANY, &[]),
            (&[(1, 0, 0.9), (2, 0, 0.0)], &ANY, &[]),
        ];
        for (of, room, expected) in cases {
            assert_eq!(told(of, room), expected, "{of:?}");
        }
    }

    #[test]
    fn no_more_than_so_many_at_a_time() {
        let many: Vec<(u32, usize, f64)> = (0..40).map(|target| (target, 0, 1.0)).collect();
        assert_eq!(told(&many, &[usize::MAX; 2]).len(), 10);
    }

    #[test]
    fn a_move_says_how_uneven_it_was_and_will_be() {
        let found = decide(&loads(&[(1, 0, 1.0), (2, 0, 1.0), (3, 0, 1.0)]), &[9, 9], TERMS);
        let first = found[0];
        assert_eq!(
            (first.before, first.after, first.remaining, found.len()),
            (3.0, 1.0, 2, 1)
        );
        assert_eq!(imbalance(&loads(&[(1, 0, 1.0), (2, 1, 0.25)]), 2), 0.75);
    }
}
