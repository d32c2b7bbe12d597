//! The name of a recording, as the client gave it, made fit for display.

const LONGEST: usize = 255;
const NAMELESS: &str = "recording";

/// The last component of a path of either kind of slash, without control characters, at most 255 characters; `recording`
/// where nothing is left. Object keys are never made of it.
pub(crate) fn display_name(given: Option<&str>) -> String {
    let base = given
        .unwrap_or_default()
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    let plain: String = base
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    let name: String = plain.trim().chars().take(LONGEST).collect();
    match name.as_str() {
        "" | "." | ".." => NAMELESS.to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_component_of_a_path_is_kept() {
        for (given, name) in [
            ("voice.mp3", "voice.mp3"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\note.m4a", "note.m4a"),
            ("குரல் பதிவு.ogg", "குரல் பதிவு.ogg"),
        ] {
            assert_eq!(display_name(Some(given)), name);
        }
    }

    #[test]
    fn control_characters_and_the_end_of_long_names_are_dropped() {
        assert_eq!(display_name(Some("a\r\nb\0.wav\u{7f}")), "ab.wav");
        assert_eq!(display_name(Some(&"ä".repeat(300))), "ä".repeat(255));
    }

    #[test]
    fn a_recording_without_a_usable_name_gets_one() {
        for given in [
            None,
            Some(""),
            Some("  "),
            Some("folder/"),
            Some(".."),
            Some("\u{1}"),
        ] {
            assert_eq!(display_name(given), "recording", "{given:?}");
        }
    }
}
