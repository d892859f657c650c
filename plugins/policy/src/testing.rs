//! Worlds in which policies are tested: what all of them stand on, and one that closes the loop. Worlds that serve one policy
//! only lie beside its tests.

pub mod plant;
pub mod stand;
