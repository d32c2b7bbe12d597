//! Opus packets to samples. The demuxers of symphonia deliver Opus packets but decode none.

use opus_rs::OpusDecoder;

use super::sink::Sink;
use crate::error::Error;

/// Opus always decodes at this rate here, as every player does, whatever the encoder was fed.
const RATE_HZ: u32 = 48_000;

/// The longest packet, 120 ms (RFC 6716, section 3.2.5).
const MAX_FRAMES: usize = 5_760;

/// The identification header (RFC 7845, section 5.1), which WebM and MP4 carry too.
struct Head {
    channels: usize,
    pre_skip: usize,
    gain: f32,
}

impl Head {
    fn parse(extra_data: &[u8]) -> Option<Self> {
        let &[
            channels,
            skip_low,
            skip_high,
            _,
            _,
            _,
            _,
            gain_low,
            gain_high,
            ..,
        ] = extra_data.strip_prefix(b"OpusHead")?.get(1..)?
        else {
            return None;
        };
        let gain_db = f32::from(i16::from_le_bytes([gain_low, gain_high])) / 256.0;
        Some(Self {
            channels: usize::from(channels),
            pre_skip: usize::from(u16::from_le_bytes([skip_low, skip_high])),
            gain: 10f32.powf(gain_db / 20.0),
        })
    }
}

/// One Opus track.
pub(crate) struct OpusTrack {
    decoder: OpusDecoder,
    channels: usize,
    gain: f32,
    /// Frames at the start that only warm the decoder up.
    skip_left: usize,
    pcm: Vec<f32>,
}

impl OpusTrack {
    /// `channels` is the demuxer's count, for a track without an identification header. Mono and stereo only: files
    /// with more channels use a mapping that no voice recorder writes.
    pub(crate) fn new(extra_data: Option<&[u8]>, channels: usize) -> Result<Self, Error> {
        let head = extra_data.and_then(Head::parse).unwrap_or(Head {
            channels,
            pre_skip: 0,
            gain: 1.0,
        });
        let decoder = OpusDecoder::new(RATE_HZ as i32, head.channels)
            .map_err(|_| Error::UnsupportedFormat)?;
        Ok(Self {
            decoder,
            channels: head.channels,
            gain: head.gain,
            skip_left: head.pre_skip,
            pcm: vec![0.0; MAX_FRAMES * head.channels],
        })
    }

    /// Decodes a packet into the sink; a malformed one adds nothing. `trim_end` is how many frames of it, at 48 kHz,
    /// lie behind the end of the recording.
    pub(crate) fn push(
        &mut self,
        packet: &[u8],
        trim_end: usize,
        sink: &mut Sink,
    ) -> Result<(), Error> {
        if packet.is_empty() {
            return Ok(());
        }
        let Ok(frames) = self.decoder.decode(packet, MAX_FRAMES, &mut self.pcm) else {
            return Ok(());
        };
        let start = frames.min(self.skip_left);
        self.skip_left -= start;
        let end = frames.saturating_sub(trim_end).max(start);
        let pcm = &mut self.pcm[start * self.channels..end * self.channels];
        if self.gain != 1.0 {
            pcm.iter_mut().for_each(|sample| *sample *= self.gain);
        }
        sink.push(pcm, self.channels, RATE_HZ)
    }
}
