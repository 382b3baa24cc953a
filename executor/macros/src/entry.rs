//! `async fn` to `fn`: the body becomes the root future of a runtime of its own.

use crate::arguments::{Arguments, Flavor};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Path, ReturnType, Type};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

impl Kind {
    pub(crate) fn default_flavor(self) -> Flavor {
        match self {
            Kind::Main => Flavor::MultiThread,
            Kind::Test => Flavor::CurrentThread,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Main => "#[raddle::main]",
            Kind::Test => "#[raddle::test]",
        }
    }
}

pub(crate) fn expand(kind: Kind, arguments: TokenStream, function: TokenStream) -> TokenStream {
    match try_expand(kind, arguments, function.clone()) {
        Ok(expanded) => expanded,
        // With the function as it was, so that editors and the rest of the messages keep their footing.
        Err(error) => {
            let message = error.into_compile_error();
            let untouched = syn::parse2::<ItemFn>(function).map(|mut function| {
                function.sig.asyncness = None;
                let output = &function.sig.output;
                let body = match output {
                    ReturnType::Default => quote!({}),
                    ReturnType::Type(..) => quote!({ ::core::unreachable!() }),
                };
                let (visibility, signature) = (&function.vis, &function.sig);
                quote!(#[allow(unused)] #visibility #signature #body)
            });
            let untouched = untouched.unwrap_or_default();
            quote!(#message #untouched)
        }
    }
}

fn try_expand(
    kind: Kind,
    arguments: TokenStream,
    function: TokenStream,
) -> syn::Result<TokenStream> {
    let Ok(mut function) = syn::parse2::<ItemFn>(function.clone()) else {
        let message = format!("{} belongs on an `async fn` with a body", kind.name());
        return Err(Error::new_spanned(function, message));
    };
    if function.sig.asyncness.take().is_none() {
        let message =
            format!("{} belongs on an `async fn`: write `async` before `fn`", kind.name());
        return Err(Error::new(function.sig.fn_token.span(), message));
    }
    if kind == Kind::Test {
        if let Some(input) = function.sig.inputs.first() {
            return Err(Error::new(input.span(), "a test takes no arguments"));
        }
        let is_test = |attribute: &&syn::Attribute| attribute.path().is_ident("test");
        if let Some(second) = function.attrs.iter().find(is_test) {
            let message = "#[raddle::test] makes this a test by itself: remove #[test]";
            return Err(Error::new(second.span(), message));
        }
    }
    let Arguments { flavor, worker_threads, start_paused, krate } =
        Arguments::parse(kind, arguments)?;
    let krate = krate.map_or_else(|| quote!(::raddle), |path: Path| quote!(#path));
    let new = match flavor {
        Flavor::MultiThread => quote!(new_multi_thread),
        Flavor::CurrentThread => quote!(new_current_thread),
    };
    let workers = match (worker_threads, kind, flavor) {
        (Some(count), ..) => quote!(.worker_threads(#count)),
        (None, Kind::Test, Flavor::MultiThread) => quote!(.worker_threads(1usize)),
        (None, ..) => quote!(),
    };
    let paused = start_paused.map(|truth| quote!(.start_paused(#truth)));
    let test = (kind == Kind::Test).then(|| quote!(#[::core::prelude::v1::test]));
    let ItemFn { attrs, vis, sig, block } = &function;
    // The type is said once more where the body ends, so that a body of another type is told so there, and not at
    // the attribute.
    let body = match &sig.output {
        ReturnType::Type(_, output) if !mentions_impl(output) => {
            quote_spanned!(output.span()=> async move {
                #[allow(clippy::let_and_return, clippy::needless_return, unreachable_code)]
                let output: #output = #block;
                #[allow(unreachable_code)]
                output
            })
        }
        _ => quote!(async move #block),
    };
    let failed = format!("{}: ", kind.name());
    Ok(quote! {
        #test
        #(#attrs)*
        #vis #sig {
            let body = #body;
            #[allow(clippy::expect_used, clippy::diverging_sub_expression)]
            match #krate::runtime::Builder::#new()#workers #paused.build() {
                ::core::result::Result::Ok(runtime) => runtime.block_on(body),
                ::core::result::Result::Err(error) => ::core::panic!("{}{}", #failed, error),
            }
        }
    })
}

/// Whether the type cannot be written in a `let`.
fn mentions_impl(output: &Type) -> bool {
    fn has_impl(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(name) => name == "impl",
            proc_macro2::TokenTree::Group(group) => has_impl(group.stream()),
            _ => false,
        })
    }
    has_impl(quote!(#output)) || matches!(output, Type::Never(_))
}
