//! Programs that must not compile, in `ui/`, each with what the compiler has to say: a message that tells what to do.

#[test]
fn misuse_is_refused_with_a_message_that_tells_what_to_do() {
    trybuild::TestCases::new().compile_fail("it/ui/*.rs");
}
