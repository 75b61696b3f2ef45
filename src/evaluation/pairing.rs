//! The class of a model that a finding is.

use crate::network::ModelCard;
use crate::truth::Task;

/// Makes the class that is called as the finding the positive class of a card: the network is judged by it. Where no class is
/// called so, its own positive class stays. Gives what was assumed; nothing where the names leave no doubt.
///
/// ```
/// # use saliscope::{evaluation::pair, network::ModelCard, truth::Task};
/// # let mut card = saliscope::demo::model("pneumothorax_inception_v3_1").unwrap().open().unwrap().card;
/// assert_eq!(pair(&mut card, Some(&Task::PNEUMOTHORAX)), None);
/// assert!(pair(&mut card, Some(&Task::PNEUMONIA)).unwrap().contains("no class of the model is called pneumonia"));
/// ```
pub fn pair(card: &mut ModelCard, task: Option<&Task>) -> Option<String> {
    let task = task.filter(|task| !Task::is_any(task.name()))?;
    let name = |class: usize| card.classes.get(class).map_or("", String::as_str);
    match (task.find(card.classes.iter().map(String::as_str)), card.positive_class) {
        (Ok(Some(class)), Some(stated)) if class == stated => None,
        (Ok(Some(class)), Some(stated)) => {
            let note = format!(
                "the class that is judged is {}, which is called as the finding; the card's positive class is {}",
                name(class),
                name(stated)
            );
            card.positive_class = Some(class);
            Some(note)
        }
        (Ok(Some(class)), None) => {
            card.positive_class = Some(class);
            None
        }
        (Ok(None), Some(stated)) if Task::is_any(name(stated)) || task.is_meant_by(name(stated)) => None,
        (Ok(None), Some(stated)) => Some(format!(
            "no class of the model is called {task}: its positive class, {}, is judged in its place; if that is another \
             finding, take a model of {task} or another --task",
            name(stated)
        )),
        (Ok(None), None) => None,
        (Err(count), stated) => {
            let stated =
                stated.map_or_else(String::new, |class| format!("; its positive class, {}, is judged", name(class)));
            Some(format!("{count} classes of the model are called {task} but for blanks, case and signs{stated}"))
        }
    }
}
