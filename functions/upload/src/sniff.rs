//! Whether bytes are a recording, by content: a quick look at the first bytes, so that what is plainly something else is
//! refused at once. Whether it can be decoded, `detect` finds out.

use infer::{audio, video};

/// The media type of a recording in a container that `detect` reads; `None` where it is none.
pub(crate) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"ID3") || is_mp3_frame(bytes) {
        Some("audio/mpeg")
    } else if audio::is_wav(bytes) {
        Some("audio/wav")
    } else if audio::is_flac(bytes) {
        Some("audio/flac")
    } else if audio::is_ogg(bytes) {
        Some("audio/ogg")
    } else if is_adts_frame(bytes) {
        Some("audio/aac")
    } else if is_mp4(bytes) {
        Some("audio/mp4")
    } else if video::is_webm(bytes) {
        Some("audio/webm")
    } else if video::is_mkv(bytes) {
        Some("audio/x-matroska")
    } else {
        None
    }
}

/// A frame header of MPEG audio, layer III, by ISO/IEC 11172-3, 2.4.1.3, and the MPEG-2.5 extension: 11 bits of sync,
/// then no reserved version, bit rate or sample rate. `infer` knows three of its second bytes only, and looks at no third.
fn is_mp3_frame(bytes: &[u8]) -> bool {
    let &[0xFF, second, third, ..] = bytes else {
        return false;
    };
    let (version, layer) = ((second >> 3) & 0b11, (second >> 1) & 0b11);
    let (bit_rate, sample_rate) = (third >> 4, (third >> 2) & 0b11);
    second & 0xE0 == 0xE0
        && version != 0b01
        && layer == 0b01
        && bit_rate != 0b1111
        && sample_rate != 0b11
}

/// A frame header of AAC in ADTS, by ISO/IEC 14496-3, 1.A.2.2: 12 bits of sync, layer 0, with or without CRC, then no
/// reserved sample rate. `infer` knows it without CRC only.
fn is_adts_frame(bytes: &[u8]) -> bool {
    matches!(bytes, &[0xFF, second, third, ..] if second & 0xF6 == 0xF0 && (third >> 2) & 0b1111 < 13)
}

/// The file type box that begins every file of the ISO base media format, by ISO/IEC 14496-12, 4.3. Whatever the brand:
/// recorders write dozens, of which `infer` knows some. Pictures use the same box and are refused by theirs.
fn is_mp4(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp")
        && bytes.get(8..12).is_some_and(|brand| {
            !matches!(
                brand,
                b"avif" | b"avis" | b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(start: &[u8]) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(300, 0);
        bytes
    }

    #[test]
    fn every_container_that_is_analysed_is_recognised() {
        for (start, media) in [
            (&b"ID3\x04\x00"[..], "audio/mpeg"),
            (b"\xFF\xFB\x90\x64", "audio/mpeg"),
            (b"\xFF\xFA\x90\x64", "audio/mpeg"),
            (b"\xFF\xF3\x40\xC4", "audio/mpeg"),
            (b"\xFF\xE3\x18\xC4", "audio/mpeg"),
            (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
            (b"fLaC\x00\x00\x00\x22", "audio/flac"),
            (b"OggS\x00\x02", "audio/ogg"),
            (b"\xFF\xF1\x50\x80", "audio/aac"),
            (b"\xFF\xF8\x4C\x80", "audio/aac"),
            (b"\x00\x00\x00\x1CftypM4A ", "audio/mp4"),
            (b"\x00\x00\x00\x18ftyp3gp4", "audio/mp4"),
            (b"\x00\x00\x00\x20ftypisom", "audio/mp4"),
            (
                b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x84webm",
                "audio/webm",
            ),
            (
                b"\x1A\x45\xDF\xA3\xA3\x42\x86\x81\x01\x42\x82\x88matroska",
                "audio/x-matroska",
            ),
        ] {
            assert_eq!(media_type(&padded(start)), Some(media), "{start:x?}");
        }
    }

    #[test]
    fn what_is_not_a_recording_is_not_taken_for_one() {
        for start in [
            &b""[..],
            b"\xFF",
            b"plain text",
            b"<!doctype html><audio>",
            b"%PDF-1.7",
            b"PK\x03\x04",
            b"\x89PNG\r\n\x1A\n",
            b"\xFF\xD8\xFF\xE0\x00\x10JFIF",
            b"\xFF\xFEh\x00i\x00",
            b"\xFF\xFB\xF0\x00",
            b"RIFF\x24\x00\x00\x00AVI LIST",
            b"RIFF\x24\x00\x00\x00WEBPVP8 ",
            b"\x00\x00\x00\x18ftypheic",
            b"\x00\x00\x00\x20ftypavif",
        ] {
            assert_eq!(media_type(&padded(start)), None, "{start:x?}");
        }
    }
}
