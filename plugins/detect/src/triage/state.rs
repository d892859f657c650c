//! Handing the state to a successor: targets, remedies, findings that are open, and what is usual of each target. The past
//! itself is not handed on: it fills anew within two minutes, and until then what was usual serves.

use super::Triage;
use super::case::Case;
use super::past::Past;
use crate::saved;
use crate::watch::Kept;
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    kept: Kept,
    cases: BTreeMap<u32, Case>,
    span: u64,
}

impl Triage {
    pub(super) fn state(&self) -> Result<Vec<u8>> {
        saved::write(&State {
            kept: self.watch.kept(),
            cases: self.cases.iter().map(|(id, case)| (id.0, case.clone())).collect(),
            span: self.past.span(),
        })
    }

    pub(super) fn restore(&mut self, state: &[u8]) -> Result<()> {
        let state: State = saved::read(state)?;
        self.watch.restore(state.kept);
        self.past = Past::after(state.span);
        self.cases = state.cases.into_iter().map(|(id, case)| (TargetId(id), case)).collect();
        Ok(())
    }
}
