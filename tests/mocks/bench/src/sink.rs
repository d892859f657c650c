//! `mock.hear`: a sink that takes everything and keeps only how much it was.

use pipeline_plugin_api::prelude::*;

/// Counts what it is given.
pub struct Hear {
    heard: u64,
}

impl Element for Hear {
    const NAME: &'static str = "mock.hear";
    const SUMMARY: &'static str = "takes everything and keeps nothing";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new().takes_all("anything")
    }

    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self { heard: 0 })
    }

    fn status(&self) -> String {
        format!("heard {} values", self.heard)
    }
}

impl Sink for Hear {
    fn start(&mut self, _: &System) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        self.heard += input.batches().map(|(_, batch)| batch.len() as u64).sum::<u64>();
        Ok(Wish::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::stage::Sinks;
    use pipeline_plugin_api::testkit::TestHost;

    #[test]
    fn every_value_is_counted() {
        let mut node = TestHost::new().node::<Sinks<Hear>>("").unwrap();
        let mut batch = Batch::default();
        batch.readings.extend([Reading::default(), Reading::default()]);
        batch.actions.push(Action::default());
        node.feed(Nanos(1), &batch).unwrap();
        assert_eq!(node.raw().status(), "heard 3 values");
    }
}
