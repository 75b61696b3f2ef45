//! Elements of a data set, their values kept to what the standard allows (PS3.5 6.2).

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// A data set or an item in the making.
pub(super) struct Builder(InMemDicomObject);

impl Builder {
    pub(super) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// A name as it is, where the standard allows it at all; else what can be kept of it.
    pub(super) fn name(self, tag: Tag, value: &str) -> Self {
        if is_name(value) { self.exact(tag, VR::PN, value) } else { self.text(tag, VR::PN, &five_parts(value)) }
    }

    /// A text that is to be found again as it is: nothing is cut and nothing replaced, whatever the standard allows.
    pub(super) fn exact(mut self, tag: Tag, vr: VR, value: &str) -> Self {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        self
    }

    /// A text of our own; too long ones are cut, and signs that the representation gives a meaning become spaces.
    pub(super) fn text(mut self, tag: Tag, vr: VR, value: &str) -> Self {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::from(cleaned(value, longest(vr)))));
        self
    }

    /// Several values of a text element.
    pub(super) fn texts<S: AsRef<str>>(mut self, tag: Tag, vr: VR, values: &[S]) -> Self {
        let values: Vec<String> = values.iter().map(|value| cleaned(value.as_ref(), longest(vr))).collect();
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::from(values.join("\\"))));
        self
    }

    pub(super) fn number(mut self, tag: Tag, value: u16) -> Self {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        self
    }

    pub(super) fn long(mut self, tag: Tag, value: u32) -> Self {
        self.0.put(DataElement::new(tag, VR::UL, PrimitiveValue::from(value)));
        self
    }

    /// A pointer to another element.
    pub(super) fn pointer(mut self, tag: Tag, to: Tag) -> Self {
        self.0.put(DataElement::new(tag, VR::AT, PrimitiveValue::from(to)));
        self
    }

    /// A sequence of items.
    pub(super) fn sequence(mut self, tag: Tag, items: Vec<Self>) -> Self {
        let items: Vec<InMemDicomObject> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
        self
    }

    /// A coded concept in a sequence of one item.
    pub(super) fn code(self, tag: Tag, [value, scheme, meaning]: [&str; 3]) -> Self {
        let code = Self::new()
            .text(tags::CODE_VALUE, VR::SH, value)
            .text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme)
            .text(tags::CODE_MEANING, VR::LO, meaning);
        self.sequence(tag, vec![code])
    }

    /// Bytes of pixels, brought to an even length.
    pub(super) fn pixels(mut self, mut bytes: Vec<u8>) -> Self {
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        self.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(bytes)));
        self
    }

    /// What `more` adds, where there is something to add.
    pub(super) fn when<T>(self, value: Option<T>, more: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => more(self, value),
            None => self,
        }
    }

    pub(super) fn into_object(self) -> InMemDicomObject {
        self.0
    }
}

/// Most bytes of a value; the standard counts characters, programs that check it bytes.
fn longest(vr: VR) -> usize {
    match vr {
        VR::SH | VR::CS | VR::DS => 16,
        VR::IS => 12,
        VR::ST => 1024,
        VR::LT => 10_240,
        _ => 64,
    }
}

fn cleaned(value: &str, longest: usize) -> String {
    let mut kept = String::new();
    for letter in value.trim().chars() {
        if kept.len() + letter.len_utf8() > longest {
            break;
        }
        kept.push(if letter.is_control() || letter == '\\' { ' ' } else { letter });
    }
    kept.truncate(kept.trim_end().len());
    kept
}

/// Whether `value` is a name (PS3.5 6.2.1): up to three groups of up to five parts, 64 letters a group.
fn is_name(value: &str) -> bool {
    let is_group = |group: &str| group.chars().count() <= 64 && group.split('^').count() <= 5;
    !value.contains('\\') && value.split('=').count() <= 3 && value.split('=').all(is_group)
}

/// The first five parts of something that is no name; the rest belongs to the last.
fn five_parts(value: &str) -> String {
    let mut parts = value.splitn(5, '^');
    let first: Vec<&str> = parts.by_ref().take(4).collect();
    let last = parts.next().map(|rest| rest.replace('^', " "));
    first.into_iter().map(str::to_owned).chain(last).collect::<Vec<_>>().join("^")
}

/// Whether `uid` is one (PS3.5 9.1).
pub(super) fn is_uid(uid: &str) -> bool {
    let is_component = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    uid.len() <= 64 && uid.split('.').count() > 1 && uid.split('.').all(is_component)
}

/// Whether `date` is a day of the calendar as DICOM writes it, near enough.
pub(super) fn is_date(date: &str) -> bool {
    let within = |range: std::ops::Range<usize>, low: u32, high: u32| {
        date.get(range).and_then(|text| text.parse::<u32>().ok()).is_some_and(|number| (low..=high).contains(&number))
    };
    date.len() == 8
        && date.bytes().all(|b| b.is_ascii_digit())
        && within(0..4, 1, 9999)
        && within(4..6, 1, 12)
        && within(6..8, 1, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_to_the_standard() {
        assert_eq!(cleaned(" a\\b\u{7} ", 64), "a b");
        assert_eq!(cleaned(&"x".repeat(70), longest(VR::LO)).len(), 64);
        assert_eq!(cleaned(&"é".repeat(70), 65).len(), 64);
        assert_eq!(five_parts("a^b^c^d^e^f"), "a^b^c^d^e f");
        assert!(is_name("Doe^Jane") && is_name("A^B^C^D^E=F^G^H^I^J=K") && is_name(&"é".repeat(64)));
        assert!(!is_name("a^b^c^d^e^f") && !is_name("a=b=c=d") && !is_name(&"x".repeat(65)) && !is_name("a\\b"));
        assert!(is_uid("1.2.840.0.1") && is_uid("2.25.12"));
        for wrong in ["", "1", "1..2", "1.02", "1.a", &"1.2".repeat(40)] {
            assert!(!is_uid(wrong), "{wrong}");
        }
        assert!(is_date("20260229"), "the calendar is not checked to the day");
        assert!(!is_date("2026-01-1") && !is_date("20261301") && !is_date("") && !is_date("2026011é"));
    }
}
