//! Makes an input of seeds: the same for the same material, number and seed.

use crate::random::Random;
use crate::tokens::{groups, tokens};
use std::ops::Range;

/// What inputs of a target are made of.
#[derive(Clone, Debug)]
pub struct Material {
    /// Real text, or what failed once.
    pub seeds: Vec<Vec<u8>>,
    /// Words of the format.
    pub words: &'static [&'static str],
    /// The most bytes of an input.
    pub longest: usize,
}

/// Numbers at which readers err.
const EDGES: &[&str] = &[
    "0",
    "1",
    "-1",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "1e308",
    "1e999",
    "-0.0",
    "NaN",
    "inf",
    "0x7fffffff",
    "00000000000000000000001",
];

/// The input of that number: the seeds as they are first, then what is made of them.
pub fn input(material: &Material, seed: u64, number: u64) -> Vec<u8> {
    let seeds = &material.seeds;
    if let Some(whole) = usize::try_from(number).ok().and_then(|number| seeds.get(number)) {
        return whole.clone();
    }
    let mut random = Random::new(seed.rotate_left(32) ^ number);
    let mut bytes = match random.once_in(50) {
        true => noise(&mut random, 64),
        false => random.pick(seeds).cloned().unwrap_or_default(),
    };
    for _ in 0..=random.below(6) {
        change(&mut bytes, material, &mut random);
        bytes.truncate(material.longest);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, material: &Material, random: &mut Random) {
    match random.below(13) {
        0 => flip(bytes, random),
        1 => {
            let new = noise(random, 8);
            put(bytes, random, &new);
        }
        2 => {
            let range = random.range(bytes.len());
            bytes.drain(range);
        }
        3 => bytes.truncate(random.below(bytes.len() + 1)),
        4 => double(bytes, random),
        5 => {
            let word = random.pick(material.words).copied().unwrap_or_default();
            put(bytes, random, word.as_bytes());
        }
        6 => renumber(bytes, random),
        7 => graft(bytes, &material.seeds, random),
        8 => nest(bytes, random),
        9 => replace_token(bytes, material, random),
        10 => swap(bytes, tokens, random),
        11 => swap(bytes, groups, random),
        _ => drop_or_double_group(bytes, random),
    }
}

fn noise(random: &mut Random, most: usize) -> Vec<u8> {
    (0..random.below(most + 1)).map(|_| random.number() as u8).collect()
}

fn put(bytes: &mut Vec<u8>, random: &mut Random, new: &[u8]) {
    let at = random.below(bytes.len() + 1);
    bytes.splice(at..at, new.iter().copied());
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    let (at, bit) = (random.below(bytes.len()), random.below(8));
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn double(bytes: &mut Vec<u8>, random: &mut Random) {
    let range = random.range(bytes.len());
    let again = bytes[range.clone()].to_vec();
    bytes.splice(range.end..range.end, again);
}

/// Puts a number at one of its edges.
fn renumber(bytes: &mut Vec<u8>, random: &mut Random) {
    let is_number = |token: &Range<usize>| bytes[token.start].is_ascii_digit();
    let numbers: Vec<Range<usize>> = tokens(bytes).into_iter().filter(is_number).collect();
    let edge = random.pick(EDGES).copied().unwrap_or_default();
    if let Some(token) = random.pick(&numbers) {
        bytes.splice(token.clone(), edge.bytes());
    }
}

/// A piece of another seed.
fn graft(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let Some(other) = random.pick(seeds) else { return };
    let piece = other[random.range(other.len())].to_vec();
    let at = random.range(bytes.len());
    bytes.splice(at, piece);
}

/// Repeats a short piece many times: lists without end, brackets without end.
fn nest(bytes: &mut Vec<u8>, random: &mut Random) {
    let Some(token) = random.pick(&tokens(bytes)).cloned() else {
        return;
    };
    let piece = bytes[token.clone()].repeat(random.below(400));
    bytes.splice(token.start..token.start, piece);
}

fn replace_token(bytes: &mut Vec<u8>, material: &Material, random: &mut Random) {
    let places = tokens(bytes);
    let (Some(place), Some(other)) = (random.pick(&places).cloned(), random.pick(&places).cloned()) else {
        return;
    };
    let new = match random.pick(material.words).filter(|_| random.once_in(2)) {
        Some(word) => word.as_bytes().to_vec(),
        None => bytes[other].to_vec(),
    };
    bytes.splice(place, new);
}

/// Swaps two pieces that do not lie in each other.
fn swap(bytes: &mut Vec<u8>, pieces: fn(&[u8]) -> Vec<Range<usize>>, random: &mut Random) {
    let places = pieces(bytes);
    let (Some(one), Some(other)) = (random.pick(&places).cloned(), random.pick(&places).cloned()) else {
        return;
    };
    let (first, second) = if one.start <= other.start {
        (one, other)
    } else {
        (other, one)
    };
    if first.end > second.start {
        return;
    }
    let (front, back) = (bytes[first.clone()].to_vec(), bytes[second.clone()].to_vec());
    bytes.splice(second, front);
    bytes.splice(first, back);
}

fn drop_or_double_group(bytes: &mut Vec<u8>, random: &mut Random) {
    let Some(group) = random.pick(&groups(bytes)).cloned() else {
        return;
    };
    let copy = bytes[group.clone()].to_vec();
    match random.below(3) {
        0 => drop(bytes.drain(group)),
        1 => drop(bytes.splice(group.end..group.end, copy)),
        _ => put(bytes, random, &copy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn material() -> Material {
        Material {
            seeds: vec![
                b"(version: 1, sinks: { \"a\": (plugin: \"b.c\") })".to_vec(),
                Vec::new(),
            ],
            words: &["from", "last"],
            longest: 100,
        }
    }

    #[test]
    fn the_seeds_come_first_and_as_they_are() {
        let material = material();
        assert_eq!(input(&material, 7, 0), material.seeds[0]);
        assert_eq!(input(&material, 7, 1), b"");
    }

    #[test]
    fn an_input_is_a_function_of_its_number_and_seed() {
        let material = material();
        let some = |seed| -> Vec<Vec<u8>> { (2..200).map(|number| input(&material, seed, number)).collect() };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
    }

    #[test]
    fn inputs_differ_and_keep_their_bound() {
        let material = material();
        let some: std::collections::BTreeSet<_> = (2..2000).map(|number| input(&material, 1, number)).collect();
        assert!(some.len() > 1000, "{} of 1998 differ", some.len());
        assert!(some.iter().all(|input| input.len() <= material.longest));
    }
}
