//! What stands in the parentheses of `#[raddle::main(...)]`.

use crate::entry::Kind;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Lit, LitBool, LitInt, LitStr, Path, Token};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    MultiThread,
    CurrentThread,
}

pub(crate) struct Arguments {
    pub(crate) flavor: Flavor,
    pub(crate) worker_threads: Option<LitInt>,
    pub(crate) start_paused: Option<LitBool>,
    pub(crate) krate: Option<Path>,
}

/// `name = value`.
struct Argument {
    name: syn::Ident,
    value: Expr,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Argument> {
        // Any, because `crate` is a keyword.
        let name = input
            .call(syn::Ident::parse_any)
            .map_err(|error: Error| Error::new(error.span(), format!("expected {NAMES}")))?;
        if !input.peek(Token![=]) {
            return Err(Error::new(
                name.span(),
                format!("expected `{name} = ...`; known are {NAMES}"),
            ));
        }
        input.parse::<Token![=]>()?;
        Ok(Argument { name, value: input.parse()? })
    }
}

const NAMES: &str = "`flavor`, `worker_threads`, `start_paused` and `crate`";
const FLAVORS: &str = "`\"multi_thread\"` and `\"current_thread\"`";

impl Arguments {
    pub(crate) fn parse(kind: Kind, tokens: proc_macro2::TokenStream) -> syn::Result<Arguments> {
        let list = Punctuated::<Argument, Token![,]>::parse_terminated;
        let mut flavor = None;
        let mut arguments = Arguments {
            flavor: kind.default_flavor(),
            worker_threads: None,
            start_paused: None,
            krate: None,
        };
        for Argument { name, value } in syn::parse::Parser::parse2(list, tokens)? {
            let twice = match name.to_string().as_str() {
                "flavor" => flavor.replace((parse_flavor(value)?, name.span())).is_some(),
                "worker_threads" => arguments.worker_threads.replace(number(value)?).is_some(),
                "start_paused" => arguments.start_paused.replace(truth(value)?).is_some(),
                "crate" => arguments.krate.replace(text(value, "a path")?.parse()?).is_some(),
                other => {
                    let message = format!("there is no argument `{other}`; known are {NAMES}");
                    return Err(Error::new(name.span(), message));
                }
            };
            if twice {
                return Err(Error::new(name.span(), format!("`{name}` is given twice")));
            }
        }
        arguments.flavor = flavor.map_or(arguments.flavor, |(flavor, _)| flavor);
        if let Some(count) = &arguments.worker_threads
            && arguments.flavor == Flavor::CurrentThread
        {
            let message = "a current-thread runtime has no worker threads: add `flavor = \"multi_thread\"`, or leave \
                           `worker_threads` out";
            return Err(Error::new(count.span(), message));
        }
        Ok(arguments)
    }
}

fn parse_flavor(value: Expr) -> syn::Result<Flavor> {
    let text = text(value, FLAVORS)?;
    match text.value().as_str() {
        "multi_thread" => Ok(Flavor::MultiThread),
        "current_thread" => Ok(Flavor::CurrentThread),
        other => {
            let message = format!("there is no flavor `{other}`; known are {FLAVORS}");
            Err(Error::new(text.span(), message))
        }
    }
}

fn number(value: Expr) -> syn::Result<LitInt> {
    let span = value.span();
    if let Expr::Lit(literal) = value
        && let Lit::Int(number) = literal.lit
        && matches!(number.base10_parse::<usize>(), Ok(1..=32767))
    {
        return Ok(number);
    }
    Err(Error::new(span, "`worker_threads` is a number from 1 to 32767"))
}

fn truth(value: Expr) -> syn::Result<LitBool> {
    let span = value.span();
    if let Expr::Lit(literal) = value
        && let Lit::Bool(truth) = literal.lit
    {
        return Ok(truth);
    }
    Err(Error::new(span, "`start_paused` is `true`, for time that stands still, or `false`"))
}

fn text(value: Expr, what: &str) -> syn::Result<LitStr> {
    let span = value.span();
    if let Expr::Lit(literal) = value
        && let Lit::Str(text) = literal.lit
    {
        return Ok(text);
    }
    Err(Error::new(span, format!("expected a string: {what}")))
}
