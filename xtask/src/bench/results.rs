//! What was measured: for each way its rounds, for each round some values by name.

use std::collections::BTreeMap;

use super::numbers::median;

/// One way, measured once.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample(BTreeMap<String, f64>);

impl Sample {
    /// `rows` rows in so many seconds.
    pub(super) fn of(rows: f64, seconds: f64) -> Self {
        Self::default().with("rows", rows).with("seconds", seconds).with("rows/s", rows / seconds)
    }

    /// With another value. CPU seconds are named `cpu PROCESS`, peak memory `MiB PROCESS`.
    pub(super) fn with(mut self, name: impl Into<String>, value: f64) -> Self {
        self.0.insert(name.into(), value);
        self
    }

    /// Its value `name`, if it has one.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// All of its values.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, &value)| (name.as_str(), value))
    }
}

/// All of it, in the order in which it was first measured.
#[derive(Default)]
pub(super) struct Results {
    ways: Vec<(String, Vec<Sample>)>,
    servers: Option<String>,
}

impl Results {
    pub(super) fn add(&mut self, way: &str, sample: Sample) {
        match self.ways.iter_mut().find(|(name, _)| name == way) {
            Some((_, samples)) => samples.push(sample),
            None => self.ways.push((way.to_owned(), vec![sample])),
        }
    }

    /// Notes which servers were used.
    pub(super) fn used(&mut self, servers: String) {
        self.servers = Some(servers);
    }

    /// Which servers were used, if any.
    pub(super) fn servers(&self) -> Option<&str> {
        self.servers.as_deref()
    }

    /// The ways that were measured.
    pub(super) fn ways(&self) -> impl Iterator<Item = &str> {
        self.ways.iter().map(|(name, _)| name.as_str())
    }

    /// The names of the values of `way`.
    pub(super) fn names(&self, way: &str) -> Vec<&str> {
        let mut names: Vec<_> = self.samples(way).iter().flat_map(|sample| sample.0.keys()).collect();
        names.sort();
        names.dedup();
        names.into_iter().map(String::as_str).collect()
    }

    /// The values `name` of all rounds of `way`.
    pub(super) fn values(&self, way: &str, name: &str) -> Vec<f64> {
        self.samples(way).iter().filter_map(|sample| sample.value(name)).collect()
    }

    pub(super) fn median(&self, way: &str, name: &str) -> Option<f64> {
        median(self.values(way, name))
    }

    /// The median of the ratios of two values, each within one round.
    pub(super) fn ratio(&self, above: (&str, &str), below: (&str, &str)) -> Option<f64> {
        let above = self.values(above.0, above.1);
        median(above.into_iter().zip(self.values(below.0, below.1)).map(|(above, below)| above / below))
    }

    /// CPU seconds of `process` for a row of `way`.
    pub(super) fn cpu_a_row(&self, way: &str, process: &str) -> Vec<f64> {
        let cpu = self.values(way, &format!("cpu {process}"));
        cpu.into_iter().zip(self.values(way, "rows")).map(|(cpu, rows)| cpu / rows).collect()
    }

    /// All rounds of `way`.
    pub(super) fn samples(&self, way: &str) -> &[Sample] {
        self.ways.iter().find(|(name, _)| name == way).map_or(&[], |(_, samples)| samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut results = Results::default();
        // A machine that was busy in the second round.
        for (ours, limit) in [(10.0, 20.0), (1.0, 2.0), (12.0, 20.0)] {
            results.add("ours", Sample::of(100.0, 100.0 / ours).with("cpu db", 2.0));
            results.add("limit", Sample::of(100.0, 100.0 / limit));
        }
        let ratio = results.ratio(("ours", "rows/s"), ("limit", "rows/s")).unwrap();
        assert!((ratio - 0.5).abs() < 1e-9, "{ratio}");
        assert_eq!(results.ratio(("ours", "rows/s"), ("nobody", "rows/s")), None);
        assert_eq!(results.cpu_a_row("ours", "db"), [0.02; 3]);
        assert_eq!(results.ways().collect::<Vec<_>>(), ["ours", "limit"]);
    }
}
