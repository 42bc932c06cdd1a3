/*
 * libosdp takes the challenges of its Secure Channel from rand(), and seeds it nowhere: every start of
 * a program would ask a reader the same questions, and whoever recorded a start could play the answers
 * back at the next. The kernel's random source seeds it here, before main().
 */
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

__attribute__((constructor)) static void kyoten_osdp_seed(void)
{
	unsigned int seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		/* Without a random source no channel is safe. */
		static const char said[] = "no random numbers from the system\n";
		if (write(2, said, sizeof(said) - 1) < 0) {
			_exit(70);
		}
		_exit(70);
	}
	srand(seed);
}
