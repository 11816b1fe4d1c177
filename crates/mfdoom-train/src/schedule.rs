//! Learning rate over the run: linear warm-up, then half a cosine.

use std::f64::consts::PI;

/// Learning rate as a function of progress.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Highest rate.
    pub peak: f64,
    /// Share of the run in which the rate rises from zero.
    pub warmup: f64,
    /// Rate at the end, as a share of the peak.
    pub floor: f64,
}

impl Schedule {
    /// Returns the rate after the share `progress` of the run.
    ///
    /// ```
    /// let schedule = mfdoom_train::Schedule { peak: 2.0, warmup: 0.1, floor: 0.0 };
    /// assert_eq!(schedule.rate(0.05), 1.0);
    /// assert_eq!(schedule.rate(0.1), 2.0);
    /// assert!(schedule.rate(1.0) < 1e-12);
    /// ```
    pub fn rate(&self, progress: f64) -> f64 {
        if progress < self.warmup {
            return self.peak * progress / self.warmup;
        }
        let t = (progress - self.warmup) / (1.0 - self.warmup).max(f64::EPSILON);
        self.peak * (self.floor + (1.0 - self.floor) * 0.5 * (1.0 + (PI * t.min(1.0)).cos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_to_the_floor() {
        let s = Schedule { peak: 1.0, warmup: 0.0, floor: 0.1 };
        assert_eq!(s.rate(0.0), 1.0);
        assert!((s.rate(0.5) - 0.55).abs() < 1e-12);
        assert!((s.rate(1.0) - 0.1).abs() < 1e-12);
    }
}
