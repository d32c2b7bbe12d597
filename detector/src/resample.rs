//! Streaming conversion to 16 kHz.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::SAMPLE_RATE_HZ;
use crate::error::Error;

/// Least frames per FFT block. Larger blocks give a steeper anti-aliasing filter: at this size it starts to fall within
/// the top few percent of the band. At 44.1 kHz a block is 0.08 s, so that short recordings are not padded much.
const MIN_BLOCK_FRAMES: usize = 2_048;

/// Resamples mono audio to 16 kHz block by block and takes out the filter's delay, so that time stays where it was.
pub(crate) struct Resampler {
    rate: u32,
    /// Absent where the rate is already right.
    converter: Option<Converter>,
}

struct Converter {
    fft: Fft<f32>,
    pending: Vec<f32>,
    block: Vec<f32>,
    /// Output frames of filter delay still to drop.
    delay_left: usize,
    frames_in: u64,
    frames_out: u64,
}

impl Resampler {
    pub(crate) fn new(rate: u32) -> Result<Self, Error> {
        if rate == SAMPLE_RATE_HZ {
            return Ok(Self {
                rate,
                converter: None,
            });
        }
        let fft = Fft::new(
            rate as usize,
            SAMPLE_RATE_HZ as usize,
            block_frames(rate as usize),
            1,
            FixedSync::Both,
        )
        .map_err(|_| Error::UnsupportedFormat)?;
        let converter = Converter {
            pending: Vec::with_capacity(fft.input_frames_max()),
            block: vec![0.0; fft.output_frames_max()],
            delay_left: fft.output_delay(),
            frames_in: 0,
            frames_out: 0,
            fft,
        };
        Ok(Self {
            rate,
            converter: Some(converter),
        })
    }

    /// The rate of the input in Hz.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Appends to `out` what can be converted so far.
    pub(crate) fn push(&mut self, mut mono: &[f32], out: &mut Vec<f32>) -> Result<(), Error> {
        let Some(converter) = &mut self.converter else {
            out.extend_from_slice(mono);
            return Ok(());
        };
        converter.frames_in += mono.len() as u64;
        let needed = converter.fft.input_frames_next();
        while !mono.is_empty() {
            let taken = mono.len().min(needed - converter.pending.len());
            converter.pending.extend_from_slice(&mono[..taken]);
            mono = &mono[taken..];
            if converter.pending.len() == needed {
                converter.convert(out)?;
            }
        }
        Ok(())
    }

    /// Appends the rest: afterwards `out` grew by exactly the input's length times the ratio of rates, rounded up.
    pub(crate) fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), Error> {
        let Some(converter) = &mut self.converter else {
            return Ok(());
        };
        let expected =
            (converter.frames_in * u64::from(SAMPLE_RATE_HZ)).div_ceil(u64::from(self.rate));
        while converter.frames_out < expected {
            converter
                .pending
                .resize(converter.fft.input_frames_next(), 0.0);
            converter.convert(out)?;
        }
        let surplus = (converter.frames_out - expected) as usize;
        out.truncate(out.len() - surplus);
        Ok(())
    }
}

/// A block must hold a whole number of the rates' common periods; a power of two of them keeps the FFT's length free of
/// large primes, which would make it several times slower.
fn block_frames(rate: usize) -> usize {
    let (mut divisor, mut rest) = (rate, SAMPLE_RATE_HZ as usize);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let period = rate / divisor;
    period * MIN_BLOCK_FRAMES.div_ceil(period).next_power_of_two()
}

impl Converter {
    fn convert(&mut self, out: &mut Vec<f32>) -> Result<(), Error> {
        let internal = |error: String| Error::Undecodable(format!("resampling failed: {error}"));
        let frames = self.block.len();
        let input = InterleavedSlice::new(&self.pending[..], 1, self.pending.len())
            .map_err(|error| internal(error.to_string()))?;
        let mut output = InterleavedSlice::new_mut(&mut self.block[..], 1, frames)
            .map_err(|error| internal(error.to_string()))?;
        let (_, written) = self
            .fft
            .process_into_buffer(&input, &mut output, None)
            .map_err(|error| internal(error.to_string()))?;
        self.pending.clear();
        let dropped = written.min(self.delay_left);
        self.delay_left -= dropped;
        self.frames_out += (written - dropped) as u64;
        out.extend_from_slice(&self.block[dropped..written]);
        Ok(())
    }
}
