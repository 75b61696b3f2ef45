//! Marker segments of JPEG codestreams (ISO 10918-1, B.1.1 and B.2), and what their head says.

/// Walks over marker segments; entropy-coded data are passed over. What is damaged ends the walk: to tell it is left to
/// decoders.
#[derive(Clone, Debug)]
pub(super) struct Segments<'a> {
    rest: &'a [u8],
}

/// A marker with the content of its segment, which is empty where the marker has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    /// The marker's second byte.
    pub(super) marker: u8,
    pub(super) content: &'a [u8],
}

impl<'a> Segments<'a> {
    pub(super) fn of(codestream: &'a [u8]) -> Self {
        Self { rest: codestream }
    }

    /// Entropy-coded data up to the next marker, which comes next. A 0 behind 255 means the byte 255.
    pub(super) fn coded(&mut self) -> &'a [u8] {
        let bytes = self.rest;
        let mut end = 0;
        loop {
            match bytes.get(end..).and_then(|rest| memchr::memchr(0xff, rest)) {
                Some(at) if bytes.get(end + at + 1) == Some(&0) => end += at + 2,
                Some(at) => {
                    end += at;
                    break;
                }
                None => {
                    end = bytes.len();
                    break;
                }
            }
        }
        let (coded, rest) = bytes.split_at(end);
        self.rest = rest;
        coded
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (marker, behind) = next_marker(self.rest)?;
        self.rest = behind;
        if matches!(marker, 0x01 | 0xd0..=0xd9) {
            return Some(Segment { marker, content: &[] });
        }
        let length = usize::from(u16::from_be_bytes(*behind.first_chunk()?));
        let content = behind.get(2..length)?;
        self.rest = &behind[length..];
        Some(Segment { marker, content })
    }
}

/// The next marker and what stands behind it; more 255 before a marker fill.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let at = memchr::memchr(0xff, rest)?;
        rest = rest.get(at + 1..)?;
        let fill = rest.iter().position(|byte| *byte != 0xff)?;
        let marker = *rest.get(fill)?;
        rest = rest.get(fill + 1..)?;
        if marker != 0 {
            return Some((marker, rest));
        }
    }
}

/// Whether a marker begins a frame (`SOFn`).
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// Whether the coded image is closed by its end marker. A thumbnail in a segment before has an end marker of its own.
pub(super) fn has_end(codestream: &[u8]) -> bool {
    let mut segments = Segments::of(codestream);
    while let Some(Segment { marker, .. }) = segments.next() {
        match marker {
            0xda => return segments.rest.windows(2).rev().any(|pair| pair == [0xff, 0xd9]),
            0xd9 => return true,
            _ => {}
        }
    }
    false
}

/// The number of scans, of which a decoder goes over all pixels for each.
pub(super) fn scans(codestream: &[u8]) -> usize {
    let mut segments = Segments::of(codestream);
    let mut scans = 0;
    while let Some(Segment { marker, .. }) = segments.next() {
        match marker {
            0xda => {
                scans += 1;
                segments.coded();
            }
            0xd9 => break,
            _ => {}
        }
    }
    scans
}

/// What stands before the first scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JpegHead {
    /// The frame marker's second byte, 0xc0 to 0xcf.
    pub(super) process: u8,
    pub(super) precision: u32,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) components: Vec<Component>,
    has_jfif: bool,
    /// Adobe's colour transform.
    adobe: Option<u8>,
}

/// A component as the frame header describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) identifier: u8,
    /// Horizontal and vertical factor, 4 bits each.
    pub(super) sampling: u8,
}

/// What three components are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// Red, green, blue.
    Rgb,
    /// Luma and two colour differences.
    Ybr,
}

impl JpegHead {
    /// Reads the segments before the first scan.
    ///
    /// # Errors
    /// What is missing, in words.
    pub(super) fn read(codestream: &[u8]) -> Result<Self, &'static str> {
        if !codestream.starts_with(&[0xff, 0xd8]) {
            return Err("its start marker is missing");
        }
        let mut head: Option<Self> = None;
        let (mut has_jfif, mut adobe) = (false, None);
        for Segment { marker, content } in Segments::of(codestream) {
            match marker {
                0xd9 | 0xda => break,
                0xe0 => has_jfif |= content.starts_with(b"JFIF\0"),
                0xee if content.starts_with(b"Adobe") => adobe = content.get(11).copied().or(adobe),
                _ if is_frame(marker) && head.is_none() => head = Some(Self::of_frame(marker, content)?),
                _ => {}
            }
        }
        head.map(|head| Self { has_jfif, adobe, ..head }).ok_or("its frame header is missing")
    }

    fn of_frame(process: u8, content: &[u8]) -> Result<Self, &'static str> {
        let [precision, y1, y0, x1, x0, count, list @ ..] = content else {
            return Err("its frame header is too short");
        };
        let components: Vec<Component> = list
            .as_chunks::<3>()
            .0
            .iter()
            .take(usize::from(*count))
            .map(|[identifier, sampling, _]| Component { identifier: *identifier, sampling: *sampling })
            .collect();
        if components.len() != usize::from(*count) {
            return Err("its frame header is too short");
        }
        Ok(Self {
            process,
            precision: u32::from(*precision),
            rows: usize::from(u16::from_be_bytes([*y1, *y0])),
            columns: usize::from(u16::from_be_bytes([*x1, *x0])),
            components,
            has_jfif: false,
            adobe: None,
        })
    }

    /// Whether the frame is coded without loss, by Huffman codes (`SOF3`).
    pub(super) fn is_lossless(&self) -> bool {
        self.process == 0xc3
    }

    /// Whether Adobe's marker is there.
    pub(super) fn has_adobe(&self) -> bool {
        self.adobe.is_some()
    }

    /// Names of the components, where there are three.
    fn identifiers(&self) -> Option<[u8; 3]> {
        <[Component; 3]>::try_from(self.components.as_slice()).ok().map(|all| all.map(|one| one.identifier))
    }

    /// Whether three components are called R, G and B.
    pub(super) fn is_named_rgb(&self) -> bool {
        self.identifiers().is_some_and(|names| matches!(&names, b"RGB" | b"rgb"))
    }

    /// What the codestream itself says three components are, and what of it says so. The order is that of libjpeg:
    /// JFIF's marker, Adobe's, the names of the components; then that only colour differences are worth sharing between
    /// pixels.
    pub(super) fn colour(&self) -> Option<(Colour, &'static str)> {
        let [first, second, third] = self.components.as_slice() else { return None };
        if self.has_jfif {
            return Some((Colour::Ybr, "its JFIF marker"));
        }
        match self.adobe {
            Some(0) => return Some((Colour::Rgb, "its Adobe marker")),
            Some(_) => return Some((Colour::Ybr, "its Adobe marker")),
            None => {}
        }
        if self.is_named_rgb() {
            return Some((Colour::Rgb, "the names of its components"));
        }
        let is_shared = second.sampling == third.sampling && first.sampling != second.sampling;
        is_shared.then_some((Colour::Ybr, "the size of its components"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    }

    fn frame(process: u8, components: &[[u8; 2]]) -> Vec<u8> {
        let list = components.iter().flat_map(|[name, sampling]| [*name, *sampling, 0]);
        segment(process, &[8, 0, 5, 0, 7, components.len() as u8].into_iter().chain(list).collect::<Vec<_>>())
    }

    fn head(parts: &[&[u8]]) -> Result<JpegHead, &'static str> {
        JpegHead::read(&[&[0xff, 0xd8][..], &parts.concat(), &segment(0xda, &[0; 6])].concat())
    }

    const ALIKE: [[u8; 2]; 3] = [[1, 0x11], [2, 0x11], [3, 0x11]];
    const JFIF: [u8; 18] = *b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

    fn adobe(transform: u8) -> Vec<u8> {
        segment(0xee, &[&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat())
    }

    #[test]
    fn markers_go_before_names_and_names_before_sizes() {
        let colour = |parts: &[&[u8]]| head(parts).unwrap().colour().map(|(colour, _)| colour);
        let alike = frame(0xc0, &ALIKE);
        let named = frame(0xc0, &[[b'R', 0x11], [b'G', 0x11], [b'B', 0x11]]);
        let shared = frame(0xc0, &[[1, 0x21], [2, 0x11], [3, 0x11]]);
        assert_eq!(colour(&[&alike]), None);
        assert_eq!(colour(&[&frame(0xc0, &ALIKE[..1]), &JFIF]), None);
        assert_eq!(colour(&[&JFIF, &alike]), Some(Colour::Ybr));
        assert_eq!(colour(&[&adobe(0), &alike]), Some(Colour::Rgb));
        assert_eq!(colour(&[&adobe(1), &alike]), Some(Colour::Ybr));
        assert_eq!(colour(&[&alike, &adobe(0)]), Some(Colour::Rgb), "the order of the segments means nothing");
        assert_eq!(colour(&[&JFIF, &adobe(0), &alike]), Some(Colour::Ybr));
        assert_eq!(colour(&[&named]), Some(Colour::Rgb));
        assert_eq!(colour(&[&adobe(1), &named]), Some(Colour::Ybr));
        assert_eq!(colour(&[&shared]), Some(Colour::Ybr));
        assert_eq!(colour(&[&adobe(0), &shared]), Some(Colour::Rgb));
        assert_eq!(colour(&[&segment(0xee, b"Adobe"), &alike]), None, "a marker that is too short says nothing");
    }

    #[test]
    fn size_and_process_are_those_of_the_frame_header() {
        let found = head(&[&segment(0xe1, &[0xff, 0xc0, 0, 11, 0xff, 0xd9]), &frame(0xc3, &ALIKE)]).unwrap();
        assert_eq!((found.process, found.precision, found.rows, found.columns), (0xc3, 8, 5, 7));
        assert!(found.is_lossless() && found.components.len() == 3);
        assert!(head(&[]).is_err() && head(&[&segment(0xc0, &[8, 0, 5, 0, 7, 3, 1])]).is_err());
        assert!(JpegHead::read(&[0xff, 0xd9]).is_err());
    }

    #[test]
    fn coded_data_end_before_a_marker() {
        let mut segments = Segments::of(&[1, 0xff, 0, 2, 0xff, 0xff, 0xd0, 3]);
        assert_eq!(segments.coded(), [1, 0xff, 0, 2]);
        assert_eq!(segments.next(), Some(Segment { marker: 0xd0, content: &[] }));
        assert_eq!((segments.coded(), segments.next()), (&[3][..], None));
    }

    #[test]
    fn scans_are_counted_up_to_the_end() {
        let scan = [&segment(0xda, &[0; 6])[..], &[1, 0xff, 0, 2]].concat();
        let all = [&[0xff, 0xd8][..], &JFIF, &scan, &segment(0xc4, &[0; 17]), &scan, &[0xff, 0xd9], &scan].concat();
        assert_eq!((scans(&all), scans(&all[..20]), scans(&[])), (2, 0, 0));
    }

    #[test]
    fn a_thumbnail_does_not_hide_the_missing_end() {
        // An application segment with an end marker inside, then coded data without one.
        let cut = [0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd9, 1, 1, 0xff, 0xda, 0, 2, 1, 2, 3];
        assert!(!has_end(&cut));
        assert!(has_end(&[&cut[..], &[0xff, 0xd9]].concat()));
    }

    #[test]
    fn no_length_leads_out_of_the_bytes() {
        let whole = [&[0xff, 0xd8][..], &JFIF, &adobe(1), &frame(0xc3, &ALIKE), &segment(0xda, &[0; 6]), &[1, 0xff, 0]]
            .concat();
        for end in 0..whole.len() {
            let read = |bytes: &[u8]| {
                let mut segments = Segments::of(bytes);
                while segments.next().is_some() {
                    segments.coded();
                }
                JpegHead::read(bytes).is_ok()
            };
            read(&whole[..end]);
            for byte in [0, 1, 0xd0, 0xff] {
                let mut damaged = whole.clone();
                damaged[end] = byte;
                read(&damaged);
            }
        }
    }
}
