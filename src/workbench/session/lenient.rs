//! Reading of what may be anything: what is no value of its kind is left out, and the rest is read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The value, or the default where the file has something else there.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(reader: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(reader)?).unwrap_or_default())
}

/// The members of a list that are values of its kind; none of a list that has members and no such one.
pub(super) fn lenient_list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    reader: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let Value::Array(members) = Value::deserialize(reader)? else { return Ok(None) };
    let had_members = !members.is_empty();
    let known: Vec<T> = members.into_iter().filter_map(|member| serde_json::from_value(member).ok()).collect();
    Ok((!had_members || !known.is_empty()).then_some(known))
}
