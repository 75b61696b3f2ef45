//! The header of a `.npy` file, a dictionary in Python's words, read from its beginning to its end once.

use super::{Error, NPY_MAGIC, Result};
use crate::limits;

/// Most axes of an array that NumPy 2 makes.
const AXES: usize = 64;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Element,
    /// The first axis runs fastest.
    pub(super) is_fortran: bool,
    /// Extent of each axis.
    pub(super) shape: Vec<u64>,
    /// Where the data begin in the file.
    pub(super) data_start: usize,
}

/// Element types that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: Kind,
    pub(super) bytes: usize,
    pub(super) is_big_endian: bool,
}

/// Kinds of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

impl Header {
    /// Reads the header at the beginning of a file, which may be cut behind it.
    ///
    /// # Errors
    /// When it is not NumPy's, or the element type is not read.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let (text, data_start) = text(bytes)?;
        let mut words = Words { rest: text };
        let (mut element, mut is_fortran, mut shape) = (None, None, None);
        words.expect(b'{')?;
        while !words.passes(b'}') {
            let key = words.string()?;
            words.expect(b':')?;
            match key {
                b"descr" => element = Some(words.element()?),
                b"fortran_order" => is_fortran = Some(words.boolean()?),
                b"shape" => shape = Some(words.shape()?),
                _ => return Err(broken("it has an entry that NumPy does not write")),
            }
            if !words.passes(b',') {
                words.expect(b'}')?;
                break;
            }
        }
        words.skip_space();
        if !words.rest.is_empty() {
            return Err(broken("something stands behind its dictionary"));
        }
        let (Some(element), Some(is_fortran), Some(shape)) = (element, is_fortran, shape) else {
            return Err(broken("it lacks one of descr, fortran_order and shape"));
        };
        Ok(Self { element, is_fortran, shape, data_start })
    }
}

fn broken(reason: &str) -> Error {
    Error::Header { reason: reason.to_owned() }
}

/// The text of the header, and where the data begin, by the version in the file.
fn text(bytes: &[u8]) -> Result<(&[u8], usize)> {
    let rest = bytes.strip_prefix(NPY_MAGIC).ok_or_else(|| broken("it does not begin with NumPy's mark"))?;
    let (start, length) = match rest {
        [1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        [2 | 3, _, a, b, c, d, ..] => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        [0 | 4.., ..] => return Err(broken("its version is none that NumPy writes")),
        _ => return Err(broken("it ends too early")),
    };
    if length > limits::NPY_HEADER_BYTES {
        return Err(broken("it is longer than any that NumPy writes"));
    }
    let text = bytes.get(start..start + length).ok_or_else(|| broken("it ends too early"))?;
    Ok((text, start + length))
}

/// What is left of the text.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Whether the next character is `wanted`, which is then passed.
    fn passes(&mut self, wanted: u8) -> bool {
        self.skip_space();
        match self.rest.split_first() {
            Some((found, rest)) if *found == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.passes(wanted) {
            return Ok(());
        }
        Err(broken(&format!("it lacks a {}", char::from(wanted))))
    }

    /// A string between quotes of either kind, without escapes.
    fn string(&mut self) -> Result<&'a [u8]> {
        self.skip_space();
        let Some((quote @ (b'\'' | b'"'), rest)) = self.rest.split_first() else {
            return Err(broken("a string is expected"));
        };
        let length = rest.iter().position(|byte| byte == quote).ok_or_else(|| broken("a string has no end"))?;
        let (string, rest) = rest.split_at(length);
        if string.contains(&b'\\') {
            return Err(broken("a string has an escape"));
        }
        self.rest = &rest[1..];
        Ok(string)
    }

    fn boolean(&mut self) -> Result<bool> {
        self.skip_space();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(broken("fortran_order is neither True nor False"))
    }

    /// A tuple of whole numbers; one alone has a comma behind it.
    fn shape(&mut self) -> Result<Vec<u64>> {
        self.expect(b'(')?;
        let mut shape = Vec::new();
        let mut has_comma = true;
        while !self.passes(b')') {
            if !has_comma {
                return Err(broken("the extents of its shape have no comma between them"));
            }
            self.skip_space();
            let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (number, rest) = self.rest.split_at(digits);
            // Python 2 wrote long numbers with an L.
            self.rest = rest.strip_prefix(b"L").unwrap_or(rest);
            let number = std::str::from_utf8(number).ok().and_then(|digits| digits.parse().ok());
            shape.push(number.ok_or_else(|| broken("an extent of its shape is no whole number"))?);
            if shape.len() > AXES {
                return Err(broken("its shape has more than 64 axes"));
            }
            has_comma = self.passes(b',');
        }
        if shape.len() == 1 && !has_comma { Err(broken("its shape is no tuple")) } else { Ok(shape) }
    }

    /// The type of the elements, such as `'<f4'`.
    fn element(&mut self) -> Result<Element> {
        self.skip_space();
        // Fields of a structure, or a type with a shape of its own.
        if matches!(self.rest.first(), Some(b'[' | b'(')) {
            return Err(Error::ElementType { found: "a structure".to_owned() });
        }
        let text = self.string()?;
        let refuse = || {
            let is_plain =
                text.len() <= 12 && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"<>=|".contains(byte));
            let found = if is_plain { String::from_utf8_lossy(text).into_owned() } else { "without a name".to_owned() };
            Error::ElementType { found }
        };
        let [order @ (b'<' | b'>' | b'=' | b'|'), kind, size @ ..] = text else { return Err(refuse()) };
        let bytes = match size {
            [digit @ b'1'..=b'8'] => usize::from(digit - b'0'),
            _ => return Err(refuse()),
        };
        let kind = match (kind, bytes) {
            (b'b', 1) => Kind::Bool,
            (b'i', 1 | 2 | 4 | 8) => Kind::Signed,
            (b'u', 1 | 2 | 4 | 8) => Kind::Unsigned,
            (b'f', 2 | 4 | 8) => Kind::Float,
            _ => return Err(refuse()),
        };
        // `=` is the order of the machine that wrote it, which NumPy does not leave in a file; nearly all are little.
        Ok(Element { kind, bytes, is_big_endian: *order == b'>' })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Header> {
        let mut bytes = NPY_MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        Header::read(&bytes)
    }

    fn header(text: &str) -> Header {
        read(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_order_and_spelling_is_understood() {
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
            "{'descr':'<f4','fortran_order':False,'shape':(2,3)}",
            " { \"shape\" : ( 2 , 3 , ) , 'fortran_order' : False , 'descr' : '<f4' } ",
            "{'shape': (2L, 3L), 'descr': '=f4', 'fortran_order': False}\n",
        ] {
            let found = header(text);
            assert_eq!((&found.shape[..], found.is_fortran), (&[2, 3][..], false), "{text}");
            assert_eq!(found.element, Element { kind: Kind::Float, bytes: 4, is_big_endian: false });
            assert_eq!(found.data_start, 10 + text.len());
        }
        let found = header("{'descr': '>i2', 'fortran_order': True, 'shape': (7,)}");
        assert_eq!((found.shape, found.is_fortran, found.element.is_big_endian), (vec![7], true, true));
        assert!(header("{'descr': '|b1', 'fortran_order': False, 'shape': ()}").shape.is_empty());
    }

    #[test]
    fn versions_differ_in_the_field_of_the_length() {
        let text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1)}";
        for version in [2, 3] {
            let head = [NPY_MAGIC, &[version, 0], &(text.len() as u32).to_le_bytes(), text].concat();
            assert_eq!(Header::read(&head).unwrap().data_start, 12 + text.len());
            assert!(Header::read(&head[..head.len() - 1]).is_err());
        }
        assert!(Header::read(&[NPY_MAGIC, &[9, 0, 0, 0, 0, 0]].concat()).is_err());
        assert!(Header::read(NPY_MAGIC).is_err() && Header::read(b"").is_err());
    }

    #[test]
    fn what_numpy_does_not_write_is_refused_by_name() {
        for (descr, shape, words) in [
            ("'|O'", "(1,)", "type |O"),
            ("'<c8'", "(1,)", "type <c8"),
            ("'<f16'", "(1,)", "type <f16"),
            ("'|S9999999999'", "(1,)", "type |S9999999999"),
            ("'<M8[ns]'", "(1,)", "without a name"),
            ("[('a', '<f4'), ('b', '<f4', (3,))]", "(1,)", "a structure"),
            ("('<f4', (2,))", "(1,)", "a structure"),
            ("None", "(1,)", "a string is expected"),
            ("'<f4'", "(1)", "no tuple"),
            ("'<f4'", "(1 2)", "no comma"),
            ("'<f4'", "(-1, 4)", "no whole number"),
            ("'<f4'", "(1e3, 2)", "no comma"),
            ("'<f4'", "(99999999999999999999, 2)", "no whole number"),
            ("'<f4'", "[4, 4]", "lacks a ("),
        ] {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}");
            let told = read(&text).unwrap_err().to_string();
            assert!(told.contains(words), "{text}: {told}");
        }
        assert!(read("{'descr': '<f4', 'shape': (1,)}").is_err());
        assert!(read("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}").is_err());
        assert!(read("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x").is_err());
        assert!(read("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}").is_err());
        let axes = |count: usize| "1, ".repeat(count);
        assert!(read(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}", axes(64))).is_ok());
        assert!(read(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}", axes(65))).is_err());
    }

    #[test]
    fn nesting_costs_nothing() {
        for open in ["(", "[", "{", "((1, ", "{'descr': "] {
            let text = open.repeat(9_999 / open.len());
            assert!(read(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {text}")[..9_000]).is_err());
            assert!(read(&text).is_err());
        }
    }
}
