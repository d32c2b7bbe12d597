//! The packet loop: demux, decode, hand on.

use std::io::Cursor;

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, ReadOnlySource};
use symphonia::core::packet::Packet;
use symphonia::default::formats::{
    AdtsReader, FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader, WavReader,
};

use super::Recording;
use super::container::{Container, Found};
use super::opus::OpusTrack;
use super::sink::{MAX_CHANNELS, Sink};
use crate::detector::Limits;
use crate::error::Error;

/// How many times in a row the demuxer may fail before the rest of the file counts as lost. A demuxer that resyncs
/// moves on with each try; one that does not would fail for ever.
const MAX_DEMUX_FAILURES: usize = 64;

/// Decodes the first audio track.
pub(crate) fn read(found: &Found<'_>, limits: &Limits) -> Result<Recording, Error> {
    let mut reader = open(found)?;
    let mut sink = Sink::new(limits);
    let mut selected = Selected::choose(reader.as_ref())?;
    let codec = selected.codec;
    let mut complaint = None;
    let mut failures = 0;
    loop {
        match reader.next_packet() {
            Ok(Some(packet)) => {
                failures = 0;
                if packet.track_id != selected.track_id {
                    continue;
                }
                match selected.push(&packet, &mut sink) {
                    Ok(()) => {}
                    Err(PushError::Packet(message)) => complaint = Some(message),
                    Err(PushError::Fatal(error)) => return Err(error),
                }
            }
            Ok(None) => break,
            // A chained Ogg file starts another stream: voice recorders that resume write such files.
            Err(SymphoniaError::ResetRequired) => {
                failures += 1;
                match Selected::choose(reader.as_ref()) {
                    Ok(next) if failures < MAX_DEMUX_FAILURES => selected = next,
                    _ => break,
                }
            }
            Err(SymphoniaError::DecodeError(message)) if failures < MAX_DEMUX_FAILURES => {
                failures += 1;
                complaint = Some(message.to_owned());
            }
            // The end of a truncated file, or a demuxer that has lost its way: keep what was decoded.
            Err(error) => {
                complaint = Some(error.to_string());
                break;
            }
        }
    }
    if sink.is_empty() {
        return Err(Error::Undecodable(
            complaint.unwrap_or_else(|| "it holds no audio".to_owned()),
        ));
    }
    let collected = sink.finish()?;
    Ok(Recording {
        samples: collected.samples,
        container: found.container.name(),
        codec,
        sample_rate_hz: collected.sample_rate_hz,
        channels: collected.channels as u32,
        seconds: collected.seconds,
    })
}

type OpenResult<'a> = Result<Box<dyn FormatReader + 'a>, SymphoniaError>;

fn open<'a>(found: &Found<'a>) -> Result<Box<dyn FormatReader + 'a>, Error> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(found.bytes)), Default::default());
    let options = FormatOptions::default();
    let reader: OpenResult<'a> = match found.container {
        Container::Wav => WavReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Mp3 => MpaReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Flac => FlacReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Mp4 => open_either_way(found.bytes, IsoMp4Reader::try_new),
        Container::Ogg => OggReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Webm | Container::Matroska => open_either_way(found.bytes, MkvReader::try_new),
        Container::Adts => AdtsReader::try_new(source, options).map(|reader| Box::new(reader) as _),
    };
    reader.map_err(refusal)
}

/// MP4 and Matroska readers that can seek look at the whole file first, and refuse one that was cut off; as a live
/// stream the same file is read front to back.
fn open_either_way<'a, R: FormatReader + 'a>(
    bytes: &'a [u8],
    try_new: impl Fn(MediaSourceStream<'a>, FormatOptions) -> Result<R, SymphoniaError>,
) -> OpenResult<'a> {
    let seekable = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    try_new(seekable, FormatOptions::default())
        .or_else(|error| {
            let live = ReadOnlySource::new(Cursor::new(bytes));
            let live = MediaSourceStream::new(Box::new(live), Default::default());
            try_new(live, FormatOptions::default()).map_err(|_| error)
        })
        .map(|reader| Box::new(reader) as _)
}

/// An error before any packet: either the file is broken, or it is something that is not read here.
fn refusal(error: SymphoniaError) -> Error {
    match error {
        SymphoniaError::Unsupported(_) => Error::UnsupportedFormat,
        other => Error::Undecodable(other.to_string()),
    }
}

/// The track being decoded.
struct Selected {
    track_id: u32,
    codec: &'static str,
    decoder: Decoder,
    interleaved: Vec<f32>,
}

enum Decoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusTrack>),
}

enum PushError {
    /// This packet is lost; the next may decode.
    Packet(String),
    /// Nothing more can come of this file.
    Fatal(Error),
}

impl Selected {
    fn choose(reader: &dyn FormatReader) -> Result<Self, Error> {
        let is_audio = |track: &&Track| track.track_type() == Some(TrackType::Audio);
        let track = reader
            .default_track(TrackType::Audio)
            .or_else(|| reader.tracks().iter().find(is_audio))
            .ok_or(Error::UnsupportedFormat)?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or(Error::UnsupportedFormat)?;
        let channels = parameters
            .channels
            .as_ref()
            .map_or(0, |channels| channels.count());
        if channels > MAX_CHANNELS {
            return Err(Error::UnsupportedFormat);
        }
        let (codec, decoder) = if parameters.codec == CODEC_ID_OPUS {
            let extra_data = parameters.extra_data.as_deref();
            (
                "opus",
                Decoder::Opus(Box::new(OpusTrack::new(extra_data, channels)?)),
            )
        } else {
            let decoder = symphonia_decoder(parameters)?;
            (decoder.codec_info().short_name, Decoder::Symphonia(decoder))
        };
        Ok(Self {
            track_id: track.id,
            codec,
            decoder,
            interleaved: Vec::new(),
        })
    }

    fn push(&mut self, packet: &Packet, sink: &mut Sink) -> Result<(), PushError> {
        match &mut self.decoder {
            Decoder::Opus(track) => {
                let trim_end = packet.trim_end.get() as usize;
                track
                    .push(&packet.data, trim_end, sink)
                    .map_err(PushError::Fatal)
            }
            Decoder::Symphonia(decoder) => match decoder.decode(packet) {
                Ok(buffer) => {
                    let (channels, rate) = (buffer.spec().channels().count(), buffer.spec().rate());
                    buffer.copy_to_vec_interleaved(&mut self.interleaved);
                    sink.push(&self.interleaved, channels, rate)
                        .map_err(PushError::Fatal)
                }
                Err(SymphoniaError::ResetRequired) => {
                    decoder.reset();
                    Ok(())
                }
                Err(error) => Err(PushError::Packet(error.to_string())),
            },
        }
    }
}

fn symphonia_decoder(parameters: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(refusal)
}
