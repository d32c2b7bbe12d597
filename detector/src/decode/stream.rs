//! The packet loop: demux, decode, hand on.

use std::io::Cursor;

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
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

/// How a demuxer gets at the bytes.
#[derive(Clone, Copy)]
enum Access {
    Seekable,
    /// Front to back only.
    Live,
}

/// Decodes the first audio track.
pub(crate) fn read(found: &Found<'_>, limits: &Limits) -> Result<Recording, Error> {
    let recording = read_with(found, Access::Seekable, limits);
    // Demuxers of these two that can seek check the whole file first and get nothing out of one that was cut off; as
    // a live stream the same file plays up to there.
    let is_indexed = matches!(
        found.container,
        Container::Mp4 | Container::Webm | Container::Matroska
    );
    match recording {
        Err(error @ (Error::Undecodable(_) | Error::UnsupportedFormat)) if is_indexed => {
            read_with(found, Access::Live, limits).map_err(|second| match second {
                Error::TooLong { .. } => second,
                _ => error,
            })
        }
        other => other,
    }
}

fn read_with(found: &Found<'_>, access: Access, limits: &Limits) -> Result<Recording, Error> {
    let mut reader = open(found, access)?;
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

fn open<'a>(found: &Found<'a>, access: Access) -> Result<Box<dyn FormatReader + 'a>, Error> {
    let bytes = Cursor::new(found.bytes);
    let source: Box<dyn MediaSource + 'a> = match access {
        Access::Seekable => Box::new(bytes),
        Access::Live => Box::new(ReadOnlySource::new(bytes)),
    };
    let source = MediaSourceStream::new(source, Default::default());
    let options = FormatOptions::default();
    let reader: Result<Box<dyn FormatReader + 'a>, SymphoniaError> = match found.container {
        Container::Wav => WavReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Mp3 => MpaReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Flac => FlacReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Mp4 => {
            IsoMp4Reader::try_new(source, options).map(|reader| Box::new(reader) as _)
        }
        Container::Ogg => OggReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        Container::Webm | Container::Matroska => {
            MkvReader::try_new(source, options).map(|reader| Box::new(reader) as _)
        }
        Container::Adts => AdtsReader::try_new(source, options).map(|reader| Box::new(reader) as _),
    };
    reader.map_err(refusal)
}

/// An error before any packet: either the file is broken, or it is something that is not read here.
fn refusal(error: SymphoniaError) -> Error {
    match error {
        // Of the right kind, but cut off before a part that every such file has: demuxers call this
        // unsupported too.
        SymphoniaError::Unsupported(message) if message.contains(": missing ") => {
            Error::Undecodable(message.to_owned())
        }
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
