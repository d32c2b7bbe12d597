//! The name of a recording, as the client gave it, made fit for display.

const LONGEST: usize = 255;
const NAMELESS: &str = "recording";

/// The last component of a path of either kind of slash, without control and invisible format characters, at most 255
/// characters; `recording` where nothing is left. Object keys are never made of it.
pub(crate) fn display_name(given: Option<&str>) -> String {
    let base = given
        .unwrap_or_default()
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    let plain: String = base
        .chars()
        .filter(|&character| !character.is_control() && !is_invisible_format(character))
        .collect();
    // A joiner with nothing before it joins nothing.
    let named = plain
        .trim_start_matches(|character: char| character.is_whitespace() || is_joiner(character))
        .trim_end();
    let name: String = named.chars().take(LONGEST).collect();
    match name.as_str() {
        "" | "." | ".." => NAMELESS.to_owned(),
        _ => name,
    }
}

/// Whether a character shows nothing and changes how others are shown, so that a name can look like another: those of
/// Unicode's category Cf save the joiners and the visible signs of Arabic and Kaithi, and its two separators of lines.
fn is_invisible_format(character: char) -> bool {
    matches!(
        character,
        '\u{AD}'
            | '\u{61C}'
            | '\u{70F}'
            | '\u{180E}'
            | '\u{200B}'
            | '\u{200E}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{13430}'..='\u{1343F}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0001}'..='\u{E007F}'
    )
}

/// Zero-width (non-)joiners belong to the spelling of Malayalam, Hindi and Persian, and hold emoji together.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}')
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
    fn characters_that_disguise_a_name_are_dropped() {
        for (given, name) in [
            ("note\u{202e}3pm.exe", "note3pm.exe"),
            ("\u{2066}a\u{2069}.wav", "a.wav"),
            (
                "\u{feff}vo\u{200b}i\u{ad}ce\u{2060}.mp3\u{200f}",
                "voice.mp3",
            ),
            ("a\u{2028}b.ogg", "ab.ogg"),
        ] {
            assert_eq!(display_name(Some(given)), name);
        }
    }

    #[test]
    fn joiners_within_words_are_kept() {
        for name in ["അവന്\u{200d}.mp3", "می\u{200c}خواهم.ogg"] {
            assert_eq!(display_name(Some(name)), name);
        }
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
            Some("\u{202e}\u{200b}"),
            Some(" \u{200d}\u{200c}"),
        ] {
            assert_eq!(display_name(given), "recording", "{given:?}");
        }
    }
}
