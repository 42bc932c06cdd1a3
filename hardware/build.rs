//! Compiles the one C file of this crate: it seeds the random numbers of the OSDP library.

fn main() {
    println!("cargo:rerun-if-changed=src/osdp/seed.c");
    // Nothing calls into it, so the linker has to be told to keep it.
    cc::Build::new()
        .file("src/osdp/seed.c")
        .link_lib_modifier("+whole-archive")
        .compile("kyoten_osdp_seed");
}
