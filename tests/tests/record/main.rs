//! The record of who did what, and personal data, with a real hub on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod events;
mod ground;

mod personal;
mod verify;

/// Makes each case a test on SQLite and a test on PostgreSQL.
macro_rules! on_both_databases {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        mod sqlite {
            $(mod $module {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    crate::$module::$case(crate::ground::on_sqlite().await).await;
                }
            )+})+
        }
        mod postgres {
            $(mod $module {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    crate::$module::$case(crate::ground::on_postgres().await).await;
                }
            )+})+
        }
    };
}

on_both_databases! {
    events:
        what_does_not_follow_is_noticed_marked_and_kept,
        two_runs_of_one_edge_that_take_turns_are_noticed,
        fault_21_damage_to_what_sites_told_is_named,
        what_was_forgotten_by_age_was_not_deleted;
    personal:
        health_is_for_guardians_and_the_nursery_and_each_look_is_recorded,
        care_takes_consent,
        another_guardian_joins_with_a_code_once,
        a_copy_holds_everything_and_an_erased_person_is_nobody,
        operators_read_what_is_of_their_centre,
        keys_rotate_and_the_old_one_can_go,
        what_is_old_is_forgotten_and_figures_stay,
        erasure_knows_every_table_with_a_person;
    verify:
        a_record_that_nobody_touched_is_whole,
        fault_21_damage_by_hand_is_named,
        a_chain_written_anew_is_named,
        entries_say_nothing_in_the_clear;
}
