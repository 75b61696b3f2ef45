//! What makes a run the run it is.

use serde_json::{Value, json};

use super::external::ExternalMaps;
use super::protocol::Protocol;
use super::subject::Subjects;
use crate::network::{ChannelOrder, Model, Scaling, sha256_hex};
use crate::saliency::{Parameters, Preset};

/// All that the numbers of a run follow from, without a path: protocol, weights, cohort, external maps.
pub(super) fn identity(
    protocol: &Protocol,
    subjects: &Subjects,
    cohort_fingerprint: &str,
    external: Option<&ExternalMaps>,
) -> Value {
    let models: serde_json::Map<String, Value> = subjects
        .all()
        .map(|subject| (format!("{} ({})", subject.name, subject.role.name()), json!(read_as(&subject.model))))
        .collect();
    let mut protocol = serde_json::to_value(protocol.without_paths()).unwrap_or(Value::Null);
    drop_usual(&mut protocol);
    json!({
        "protocol": protocol,
        "model weights": models,
        "cohort fingerprint": cohort_fingerprint,
        "external maps": external.map(ExternalMaps::fingerprint),
    })
}

/// Takes out of a protocol the parameters that are those of its preset: saying them changes nothing.
pub(super) fn drop_usual(protocol: &mut Value) {
    let preset = protocol.get("preset").and_then(Value::as_str).and_then(|name| name.parse::<Preset>().ok());
    let Some((preset, fields)) = preset.zip(protocol.as_object_mut()) else { return };
    let Some(Value::Object(parameters)) = fields.get_mut("parameters") else { return };
    Parameters::drop_usual(preset, parameters);
    if parameters.is_empty() {
        fields.remove("parameters");
    }
}

/// The hash of a model's weights, and how they are read where that is not what the first version did: its runs are not
/// gone on with by other numbers.
fn read_as(model: &Model) -> String {
    let mut name = model.sha256.clone();
    if model.had_constant_logit {
        name.push_str(", read as a single logit");
    }
    let card = &model.card;
    let is_of_today = !matches!(card.scaling, Scaling::UnitToSymmetric | Scaling::Imagenet)
        || card.transform_input
        || card.is_8_bit
        || card.channel_order != ChannelOrder::Rgb;
    if is_of_today {
        name.push_str(", ");
        name.push_str(&model.card.scaling_words());
    }
    if let Some(head) = &model.card.head {
        name.push_str(", ");
        name.push_str(&head.description());
    }
    if model.graph.is_imported() {
        // A graph that was opened can be written.
        let graph = model.card.graph_sha256().ok().flatten().unwrap_or_default();
        name.push_str(", graph ");
        name.push_str(&graph);
    }
    name
}

/// A short name of an identity: equal for equal ones.
pub(super) fn run_id(identity: &Value) -> String {
    sha256_hex(identity.to_string().as_bytes())[..16].to_owned()
}

/// The first place where two identities differ, with what stands there in each.
pub(super) fn difference(one: &Value, two: &Value) -> Option<(String, String, String)> {
    let mut place = String::new();
    // Earlier programs kept parameters that are the preset's.
    let (one, two) = (plain(one), plain(two));
    let (one, two) = walk(&one, &two, &mut place)?;
    Some((place, shown(one), shown(two)))
}

fn plain(identity: &Value) -> Value {
    let mut identity = identity.clone();
    if let Some(protocol) = identity.get_mut("protocol") {
        drop_usual(protocol);
    }
    identity
}

fn walk<'a>(one: &'a Value, two: &'a Value, place: &mut String) -> Option<(&'a Value, &'a Value)> {
    const NOTHING: &Value = &Value::Null;
    let step = |key: &str, one: &'a Value, two: &'a Value, place: &mut String| {
        let before = place.len();
        if !place.is_empty() {
            place.push('.');
        }
        place.push_str(key);
        let found = walk(one, two, place);
        if found.is_none() {
            place.truncate(before);
        }
        found
    };
    match (one, two) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            let get = |map: &'a serde_json::Map<String, Value>, key: &str| map.get(key).unwrap_or(NOTHING);
            keys.into_iter().find_map(|key| step(key, get(a, key), get(b, key), place))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).find_map(|index| step(&index.to_string(), &a[index], &b[index], place))
        }
        _ => (one != two).then_some((one, two)),
    }
}

/// A value in a sentence; hashes are cut.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.len() == 64 => format!("{}...", &text[..12]),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let one = json!({"protocol": {"alpha": 0.05, "tests": ["utility"], "sample": {"utility": 3}}, "cohort": "a"});
        assert_eq!(difference(&one, &one), None);
        let mut two = one.clone();
        two["protocol"]["sample"]["utility"] = Value::Null;
        let told = difference(&one, &two).unwrap();
        assert_eq!(told, ("protocol.sample.utility".to_owned(), "3".to_owned(), "none".to_owned()));
        assert_ne!(run_id(&one), run_id(&two));
        two = one.clone();
        two["protocol"]["tests"][0] = json!("randomization");
        assert_eq!(difference(&one, &two).unwrap().0, "protocol.tests.0");
    }
}
