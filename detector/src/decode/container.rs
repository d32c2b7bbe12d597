//! What kind of file is this? By content, never by name.

/// Containers that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Wav,
    Mp3,
    Flac,
    Mp4,
    Ogg,
    Webm,
    Matroska,
    Adts,
}

impl Container {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Flac => "flac",
            Self::Mp4 => "mp4",
            Self::Ogg => "ogg",
            Self::Webm => "webm",
            Self::Matroska => "matroska",
            Self::Adts => "adts",
        }
    }
}

/// A container and the bytes from its first header on.
pub(crate) struct Found<'a> {
    pub container: Container,
    pub bytes: &'a [u8],
}

/// How far to look for the first MPEG or ADTS frame: players tolerate junk before it, such as a tag cut in half.
const MAX_LEADING_JUNK: usize = 64 * 1024;

/// How many frame headers must follow each other. Two bytes of sync word turn up in random data every few kilobytes;
/// three linked headers practically never.
const LINKED_FRAMES: usize = 3;

/// Recognises a container, skipping ID3v2 tags in front of it.
pub(crate) fn sniff(bytes: &[u8]) -> Option<Found<'_>> {
    let bytes = skip_id3v2(bytes);
    if let Some(container) = by_signature(bytes) {
        return Some(Found { container, bytes });
    }
    let end = bytes.len().min(MAX_LEADING_JUNK);
    (0..end).filter(|&at| bytes[at] == 0xff).find_map(|at| {
        let rest = &bytes[at..];
        if is_linked(rest, mp3_frame_len) {
            Some(Found {
                container: Container::Mp3,
                bytes: rest,
            })
        } else if is_linked(rest, adts_frame_len) {
            Some(Found {
                container: Container::Adts,
                bytes: rest,
            })
        } else {
            None
        }
    })
}

fn by_signature(bytes: &[u8]) -> Option<Container> {
    let at = |offset: usize, signature: &[u8]| {
        bytes.get(offset..offset + signature.len()) == Some(signature)
    };
    if at(0, b"RIFF") && at(8, b"WAVE") {
        Some(Container::Wav)
    } else if at(0, b"fLaC") {
        Some(Container::Flac)
    } else if at(0, b"OggS") {
        Some(Container::Ogg)
    } else if at(4, b"ftyp") {
        Some(Container::Mp4)
    } else if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
        let header = &bytes[..bytes.len().min(64)];
        let is_webm = header.windows(4).any(|window| window == b"webm");
        Some(if is_webm {
            Container::Webm
        } else {
            Container::Matroska
        })
    } else {
        None
    }
}

/// ID3v2 tags sit in front of MP3, AAC and sometimes FLAC, and may hold megabytes of cover art.
/// Layout: <https://id3.org/id3v2.4.0-structure>, section 3.1.
fn skip_id3v2(mut bytes: &[u8]) -> &[u8] {
    while bytes.len() > 10
        && bytes.starts_with(b"ID3")
        && bytes[6..10].iter().all(|&byte| byte < 0x80)
    {
        let body = bytes[6..10]
            .iter()
            .fold(0usize, |size, &byte| (size << 7) | usize::from(byte));
        let footer = if bytes[5] & 0x10 != 0 { 10 } else { 0 };
        let Some(rest) = bytes.get(10 + body + footer..) else {
            break;
        };
        bytes = rest;
    }
    bytes
}

fn is_linked(bytes: &[u8], frame_len: impl Fn(&[u8]) -> Option<usize>) -> bool {
    let mut offset = 0;
    for seen in 0..LINKED_FRAMES {
        let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) else {
            // The file ends here: two whole frames of a very short clip are enough.
            return seen >= 2;
        };
        let Some(len) = frame_len(rest) else {
            return false;
        };
        offset += len;
    }
    true
}

/// Length of an MPEG-1, 2 or 2.5 layer III frame by its header (ISO 11172-3, 2.4.1.3).
fn mp3_frame_len(header: &[u8]) -> Option<usize> {
    const MPEG1_KBPS: [usize; 15] = [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ];
    const MPEG2_KBPS: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let &[sync, version_layer, rates, ..] = header else {
        return None;
    };
    let is_layer_3 = version_layer & 0b0000_0110 == 0b0000_0010;
    if sync != 0xff || version_layer & 0xe0 != 0xe0 || !is_layer_3 {
        return None;
    }
    let (kbps, base_rate, slots) = match (version_layer >> 3) & 0b11 {
        0b11 => (MPEG1_KBPS, [44_100, 48_000, 32_000], 144_000),
        0b10 => (MPEG2_KBPS, [22_050, 24_000, 16_000], 72_000),
        0b00 => (MPEG2_KBPS, [11_025, 12_000, 8_000], 72_000),
        _ => return None,
    };
    let kbps = *kbps
        .get(usize::from(rates >> 4))
        .filter(|&&kbps| kbps > 0)?;
    let rate = *base_rate.get(usize::from((rates >> 2) & 0b11))?;
    let padding = usize::from((rates >> 1) & 1);
    Some(slots * kbps / rate + padding)
}

/// Length of an ADTS frame by its header (ISO 14496-3, 1.A.2.2).
fn adts_frame_len(header: &[u8]) -> Option<usize> {
    let &[sync, second, third, fourth, fifth, sixth, ..] = header else {
        return None;
    };
    let is_adts = sync == 0xff && second & 0xf6 == 0xf0;
    let has_known_rate = (third >> 2) & 0x0f < 13;
    if !is_adts || !has_known_rate {
        return None;
    }
    let len =
        (usize::from(fourth & 0b11) << 11) | (usize::from(fifth) << 3) | usize::from(sixth >> 5);
    (len > 7).then_some(len)
}
