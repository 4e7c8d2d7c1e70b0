use std::cell::OnceCell;
use std::sync::Arc;

use cel::common::types::{CelBool, CelInt, CelString, INT_TYPE, LIST_TYPE, MAP_TYPE, STRING_TYPE};
use cel::common::value::CowVal;
use cel::{Env, ExecutionError};

/// The functions that a condition may call: made once, with the first condition.
#[derive(Default)]
pub(crate) struct Language(OnceCell<Arc<Env>>);

type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

// === impl Language ===

impl Language {
    pub(super) fn get(&self) -> Arc<Env> {
        Arc::clone(self.0.get_or_init(|| environment().into()))
    }
}

/// A name can only be refused here if it is taken, and there is nothing yet.
fn environment() -> Env {
    let mut env = Env::default().with_optional_support(false);
    let text = || vec![STRING_TYPE];
    let _ = env.add_member_overload("startsWith", "startsWith", STRING_TYPE, text(), |all| {
        starts_with(&all)
    });
    let _ =
        env.add_member_overload("endsWith", "endsWith", STRING_TYPE, text(), |all| ends_with(&all));
    let _ =
        env.add_member_overload("contains", "contains", STRING_TYPE, text(), |all| contains(&all));
    for (id, kind) in [("text", STRING_TYPE), ("list", LIST_TYPE), ("map", MAP_TYPE)] {
        let _ = env.add_overload("size", id, vec![kind.to_owned()], |all| size(&all));
        let _ = env
            .add_member_overload("size", &format!("{id}.size"), kind, Vec::new(), |all| size(&all));
    }
    let _ = env.add_overload("int", "text", text(), |all| int(&all));
    let _ = env.add_overload("int", "number", vec![INT_TYPE], |all| int(&all));
    env
}

fn starts_with<'b, 'v>(arguments: &[CowVal<'_, '_>]) -> Answer<'b, 'v> {
    let (whole, part) = texts(arguments)?;
    Ok(truth(whole.starts_with(part)))
}

fn ends_with<'b, 'v>(arguments: &[CowVal<'_, '_>]) -> Answer<'b, 'v> {
    let (whole, part) = texts(arguments)?;
    Ok(truth(whole.ends_with(part)))
}

fn contains<'b, 'v>(arguments: &[CowVal<'_, '_>]) -> Answer<'b, 'v> {
    let (whole, part) = texts(arguments)?;
    Ok(truth(whole.contains(part)))
}

/// The characters of a text, or the entries of a list or a map.
fn size<'b, 'v>(arguments: &[CowVal<'_, '_>]) -> Answer<'b, 'v> {
    let [of] = arguments else { return Err(missing()) };
    if let Some(text) = of.downcast_ref::<CelString>() {
        let count = i64::try_from(text.inner().chars().count());
        return Ok(CowVal::owned(CelInt::from(count.unwrap_or(i64::MAX))));
    }
    of.as_sizer().map(|sizer| CowVal::owned(sizer.size())).ok_or_else(missing)
}

fn int<'b, 'v>(arguments: &[CowVal<'_, '_>]) -> Answer<'b, 'v> {
    let [of] = arguments else { return Err(missing()) };
    let number = match of.downcast_ref::<CelString>() {
        Some(text) => text.inner().parse().ok(),
        None => of.downcast_ref::<CelInt>().map(|number| *number.inner()),
    };
    number.map(|number: i64| CowVal::owned(CelInt::from(number))).ok_or_else(missing)
}

fn texts<'a>(arguments: &'a [CowVal<'_, '_>]) -> Result<(&'a str, &'a str), ExecutionError> {
    let [whole, part] = arguments else { return Err(missing()) };
    let text = |value: &'a CowVal<'_, '_>| value.downcast_ref::<CelString>().map(CelString::inner);
    text(whole).zip(text(part)).ok_or_else(missing)
}

fn truth<'b, 'v>(truth: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(truth))
}

fn missing() -> ExecutionError {
    ExecutionError::missing_argument_or_target()
}
