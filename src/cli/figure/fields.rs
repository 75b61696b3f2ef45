//! Fields of a JSON object, each with its place in error messages.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What is wrong, beginning with the field.
pub(super) type Problem = String;

/// The fields of an object that were not yet taken.
pub(super) struct Fields {
    values: Map<String, Value>,
    /// Place of the object, with a dot at its end; empty for the outermost.
    place: String,
    known: Vec<&'static str>,
}

impl Fields {
    /// The fields of `value`, which stands at `place`.
    pub(super) fn new(value: Value, place: &str) -> Result<Self, Problem> {
        match value {
            Value::Object(values) => {
                let place = if place.is_empty() { String::new() } else { format!("{place}.") };
                Ok(Self { values, place, known: Vec::new() })
            }
            _ if place.is_empty() => Err("it is no JSON object".to_owned()),
            _ => Err(format!("{place}: it is no JSON object")),
        }
    }

    /// A field, nothing where it is absent or null.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Problem> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => serde_json::from_value(value).map(Some).map_err(|error| self.refused(name, &error)),
        }
    }

    /// A field that must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Problem> {
        self.take(name)?.ok_or_else(|| self.refused(name, &"it is missing"))
    }

    /// A field that is an object.
    pub(super) fn group(&mut self, name: &'static str) -> Result<Option<Self>, Problem> {
        let place = format!("{}{name}", self.place);
        self.value(name).map(|value| Self::new(value, &place)).transpose()
    }

    /// A problem with a field.
    pub(super) fn refused(&self, name: &str, problem: &dyn std::fmt::Display) -> Problem {
        format!("{}{name}: {problem}", self.place)
    }

    /// Refuses fields that nobody asked for.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("{}{name}: there is no such field, only {}", self.place, self.known.join(", "))),
        }
    }

    fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.values.remove(name).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_name_the_field() {
        let mut fields = Fields::new(json!({"a": 1, "b": {"c": "x", "d": 1}, "e": null}), "").unwrap();
        assert_eq!(fields.take::<u8>("a").unwrap(), Some(1));
        assert_eq!(fields.take::<u8>("e").unwrap(), None);
        assert!(fields.required::<u8>("z").unwrap_err().starts_with("z: it is missing"));
        let mut inner = fields.group("b").unwrap().unwrap();
        assert!(inner.take::<u8>("c").unwrap_err().starts_with("b.c: invalid type"));
        assert_eq!(inner.finish().unwrap_err(), "b.d: there is no such field, only c");
        fields.finish().unwrap();
        assert!(Fields::new(json!([1]), "b").is_err());
    }
}
