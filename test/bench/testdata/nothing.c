/* The command that does nothing. */
int main(void)
{
	return 0;
}
