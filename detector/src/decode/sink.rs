//! Where decoded packets go: mixed down, cleaned and resampled at once, so that memory follows the length of the
//! recording at 16 kHz mono and nothing else.

use crate::detector::Limits;
use crate::error::Error;
use crate::resample::Resampler;

/// Below this a recording has no speech band left; above it no microphone goes. Also bounds the resampler's tables.
const SAMPLE_RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// More channels than any speech recording has; bounds the size of one packet.
pub(crate) const MAX_CHANNELS: usize = 16;

/// How often a stream may change its sample rate: a chained stream does it a few times, a hostile one on every packet.
const MAX_RATE_CHANGES: usize = 16;

/// Floating-point files may exceed full scale a little. What is far beyond is broken, and would drown the rest.
const MAX_MAGNITUDE: f32 = 8.0;

pub(crate) struct Sink {
    max_seconds: f64,
    resampler: Option<Resampler>,
    rate_changes: usize,
    mono: Vec<f32>,
    samples: Vec<f32>,
    /// Length of what came before the last change of rate.
    seconds_before: f64,
    /// Frames since then.
    frames: u64,
    first_rate: u32,
    first_channels: usize,
}

/// What a [`Sink`] collected.
pub(crate) struct Collected {
    pub samples: Vec<f32>,
    pub seconds: f64,
    pub sample_rate_hz: u32,
    pub channels: usize,
}

impl Sink {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            max_seconds: limits.max_seconds,
            resampler: None,
            rate_changes: 0,
            mono: Vec::new(),
            samples: Vec::new(),
            seconds_before: 0.0,
            frames: 0,
            first_rate: 0,
            first_channels: 0,
        }
    }

    /// Takes interleaved samples of one packet.
    pub(crate) fn push(
        &mut self,
        interleaved: &[f32],
        channels: usize,
        rate: u32,
    ) -> Result<(), Error> {
        if channels == 0 || channels > MAX_CHANNELS || !SAMPLE_RATES_HZ.contains(&rate) {
            return Err(Error::UnsupportedFormat);
        }
        let frames = interleaved.len() / channels;
        if frames == 0 {
            return Ok(());
        }
        if self
            .resampler
            .as_ref()
            .is_none_or(|resampler| resampler.rate() != rate)
        {
            self.change_rate(rate, channels)?;
        }
        self.frames += frames as u64;
        if self.seconds() > self.max_seconds {
            return Err(Error::TooLong {
                max_seconds: self.max_seconds,
            });
        }
        self.mono.clear();
        if channels == 1 {
            self.mono.extend(interleaved.iter().copied().map(clean));
        } else {
            let gain = 1.0 / channels as f32;
            let frames = interleaved.chunks_exact(channels);
            self.mono
                .extend(frames.map(|frame| clean(frame.iter().sum::<f32>() * gain)));
        }
        match &mut self.resampler {
            Some(resampler) => resampler.push(&self.mono, &mut self.samples),
            None => Ok(()),
        }
    }

    fn seconds(&self) -> f64 {
        let rate = self.resampler.as_ref().map_or(1, Resampler::rate);
        self.seconds_before + self.frames as f64 / f64::from(rate)
    }

    fn change_rate(&mut self, rate: u32, channels: usize) -> Result<(), Error> {
        self.seconds_before = self.seconds();
        self.frames = 0;
        match self.resampler.take() {
            Some(mut before) => before.finish(&mut self.samples)?,
            None => (self.first_rate, self.first_channels) = (rate, channels),
        }
        self.rate_changes += 1;
        if self.rate_changes > MAX_RATE_CHANGES {
            return Err(Error::Undecodable(
                "the sample rate keeps changing".to_owned(),
            ));
        }
        self.resampler = Some(Resampler::new(rate)?);
        Ok(())
    }

    /// Whether any audio arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.resampler.is_none()
    }

    /// Flushes the resampler.
    pub(crate) fn finish(mut self) -> Result<Collected, Error> {
        let seconds = self.seconds();
        if let Some(mut resampler) = self.resampler.take() {
            resampler.finish(&mut self.samples)?;
        }
        Ok(Collected {
            samples: self.samples,
            seconds,
            sample_rate_hz: self.first_rate,
            channels: self.first_channels,
        })
    }
}

fn clean(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-MAX_MAGNITUDE, MAX_MAGNITUDE)
    } else {
        0.0
    }
}
